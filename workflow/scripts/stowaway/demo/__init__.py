"""The demo island: synthetic photos, drawn by a program, and their COCO JSON.

`plan` says what is photographed when and where, `scenes` draws a photo out of `landscape`,
`animals` and `shapes`, and `coco` lists the photos. The same size and seed give the same bytes.
"""
