"""Maps of crops: principal components of what a network makes of them, t-SNE, placing crops.

A map shows crops of all roles together, once by the network's latents and once by its
reconstructions. Other crops are placed on a map without moving the crops that made it.
"""
