"""Networks in pure PyTorch: autoencoders, backbones, losses, training, checkpoints.

No files of the workflow.
"""
