"""Makes published.json: the published distillation formula, run by numpy.

Run with `python3 tests/vectors/published.py`. The formula: each channel times 255, each 8x8 block
through an orthonormal DCT, divided by the table, rounded by numpy (halves to even), multiplied
back, inverse DCT, divided by 255, float32, clipped to [0, 1]. One pass, and a second pass on the
first one's perturbed result.
"""

import json
import pathlib

import numpy as np

K, X = np.mgrid[0:8, 0:8]
DCT = np.cos((2 * X + 1) * K * np.pi / 16) / 2
DCT[0] /= np.sqrt(2)


def distil(picture, table):
    scaled = picture.astype(np.float64) * 255
    height, width, channels = scaled.shape
    result = np.empty_like(scaled)
    for y in range(0, height, 8):
        for x in range(0, width, 8):
            for c in range(channels):
                block = DCT @ scaled[y : y + 8, x : x + 8, c] @ DCT.T
                block = np.round(block / table) * table
                result[y : y + 8, x : x + 8, c] = DCT.T @ block @ DCT
    return np.clip(np.float32(result / 255), 0.0, 1.0)


def main():
    random = np.random.default_rng(20190616)
    height, width = 24, 16
    y, x = np.mgrid[0:height, 0:width]
    smooth = 0.5 + 0.45 * np.sin(x / 5 + 1)[..., None] * np.cos(y[..., None] / 7 + np.arange(3))
    noise = random.normal(0, 0.08, (height, width, 3))
    first = np.clip(smooth + noise, 0, 1)
    # A saturated block, whose result is clipped.
    first[0:8, 0:8] = 1.0
    # Multiples of 1/4096 are exact in decimal and in single precision.
    first = np.round(first * 4096) / 4096

    authors = np.full((8, 8), 30.0)
    authors[:4, :4] = 25
    cases = []
    for name, table in [("authors_code", authors), ("uniform 20", np.full((8, 8), 20.0))]:
        once = distil(first, table)
        received = np.clip(once + np.float32(0.004) * random.choice([-1, 1], once.shape), 0, 1)
        received = np.round(received * 4096) / 4096
        cases.append(
            {
                "name": name,
                "table": table.astype(int).ravel().tolist(),
                "first": first.ravel().tolist(),
                "first_distilled": once.astype(float).round(7).ravel().tolist(),
                "second": received.astype(float).ravel().tolist(),
                "second_distilled": distil(received, table).astype(float).round(7).ravel().tolist(),
            }
        )
    vectors = {"width": width, "height": height, "channels": 3, "cases": cases}
    path = pathlib.Path(__file__).with_name("published.json")
    path.write_text(json.dumps(vectors) + "\n")


if __name__ == "__main__":
    main()
