"""The original's convolutional autoencoder in Keras on TensorFlow; prints a line of JSON.

python training_keras.py PACK ROWS EPOCHS BATCH SEED: trains on the first ROWS crops of PACK, the
others are for validation. Run by training.py in an environment of its own.
"""

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import keras
import numpy as np
from keras import layers


def network() -> keras.Model:
    """As the original's; but batch norm has the momentum that stowaway uses, 0.9, not 0.99."""
    steps = [keras.Input((128, 128, 3))]
    for kind, filters in (
        *((layers.Conv2D, n) for n in (64, 32, 16)),
        *((layers.Conv2DTranspose, n) for n in (32, 64, 3)),
    ):
        steps += [kind(filters, 3, strides=2, padding="same")]
        steps += [layers.BatchNormalization(momentum=0.9), layers.LeakyReLU(negative_slope=0.3)]
    steps += [layers.Conv2DTranspose(3, 3, padding="same", activation="sigmoid")]
    return keras.Sequential(steps)


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, its validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds.append(time.perf_counter() - self.started)


if __name__ == "__main__":
    pack, rows, epochs, batch, seed = sys.argv[1], *map(int, sys.argv[2:])
    keras.utils.set_random_seed(seed)
    pixels = np.load(pack).astype(np.float32) / 255
    train, val = pixels[:rows], pixels[rows:]
    model, clock = network(), Clock()
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    fitted = model.fit(
        train,
        train,
        epochs=epochs,
        batch_size=batch,
        validation_data=(val, val),
        verbose=0,
        callbacks=[clock],
    )
    print(json.dumps({"seconds": clock.seconds, "val_loss": fitted.history["val_loss"]}))
