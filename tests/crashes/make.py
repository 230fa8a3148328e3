#!/usr/bin/env python3
"""Writes every file of this folder, byte by byte and from nothing.

    python3 tests/crashes/make.py           write the files beside this script
    python3 tests/crashes/make.py --check   make them in memory and compare

Each file is named after what is wrong, or merely unusual, with it; what a
reader must say of it stands in ../checklist.rs.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

SOF0, SOF1, SOF2, DHT, SOI, EOI, SOS, DQT, DNL, DRI, APP0, APP1, COM, RST0 = (
    0xC0, 0xC1, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xE1,
    0xFE, 0xD0)
DAC = 0xCC

# Codes by (length, symbol). 0: no difference; 10: one bit; 110: eleven bits;
# 1110: twelve bits, which samples of 8 bits lack.
DC = [(1, 0), (2, 1), (3, 11), (4, 12)]
# 0: end of block; 10: one bit; 110: sixteen zeros; 1110: eleven bits; 11110:
# the end-of-band run 5; 111110: two zeros, one bit.
AC = [(1, 0x00), (2, 0x01), (3, 0xF0), (4, 0x0B), (5, 0x50), (6, 0x21)]
# 0: end of band; 10: one bit; 110: sixteen zeros; 1110: end-of-band run of 2
# or 3; 11110: two bits; 111110: ten bits; 1111110: end-of-band run of 2^14 up.
PROGRESSIVE_AC = [(1, 0x00), (2, 0x01), (3, 0xF0), (4, 0x10), (5, 0x02),
                  (6, 0x0A), (7, 0xE0)]

ALL = (0, 63, 0, 0)
DC_ONLY = (0, 0, 0, 0)


class File:
    """A file under construction; every method gives a longer one."""

    def __init__(self, data=b"\xff\xd8"):
        self.data = data

    def raw(self, data):
        return File(self.data + data)

    def marker(self, code):
        return self.raw(bytes((255, code)))

    def segment(self, code, payload):
        return self.marker(code).raw(
            (len(payload) + 2).to_bytes(2, "big") + payload)

    def quantization(self, destination=0, step=1):
        return self.segment(DQT, bytes((destination,)) + bytes((step,)) * 64)

    def huffman(self, kind, destination, codes):
        counts = [0] * 17
        for length, _ in codes:
            counts[length] += 1
        return self.segment(DHT, bytes((kind << 4 | destination,))
                            + bytes(counts[1:]) + bytes(s for _, s in codes))

    def frame(self, code, width, height, components, precision=8):
        """components: (id, h, v, table) each."""
        payload = bytes((precision,)) + height.to_bytes(2, "big") \
            + width.to_bytes(2, "big") + bytes((len(components),))
        for c, h, v, t in components:
            payload += bytes((c, h << 4 | v, t))
        return self.segment(code, payload)

    def scan(self, components, parameters=ALL):
        """components: (id, dc, ac) each; parameters: Ss, Se, Ah, Al."""
        start, end, high, low = parameters
        payload = bytes((len(components),))
        for c, dc, ac in components:
            payload += bytes((c, dc << 4 | ac))
        return self.segment(SOS, payload
                            + bytes((start, end, high << 4 | low)))

    def bits(self, text, pad="1"):
        text = text.replace(" ", "")
        text += pad * (-len(text) % 8)
        data = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        return self.raw(data.replace(b"\xff", b"\xff\0"))

    def end(self):
        return self.marker(EOI).data


GREY = [(1, 1, 1, 0)]
COLOUR = [(1, 1, 1, 0), (2, 1, 1, 0), (3, 1, 1, 0)]
ONE = [(1, 0, 0)]
THREE = [(1, 0, 0), (2, 0, 0), (3, 0, 0)]


def tables():
    return File().quantization().huffman(0, 0, DC).huffman(1, 0, AC)


def sequential(width=8, height=8, components=GREY, code=SOF0, precision=8):
    return tables().frame(code, width, height, components, precision)


def progressive(width=8, height=8, components=GREY, code=SOF2, precision=8):
    return File().quantization().huffman(0, 0, DC).huffman(
        1, 0, PROGRESSIVE_AC).frame(code, width, height, components, precision)


def after_dc(width=8, height=8):
    blocks = -(-width // 8) * -(-height // 8)
    return progressive(width, height).scan(ONE, DC_ONLY).bits("0" * blocks)


def grey(bits="00", width=8, height=8):
    return sequential(width, height).scan(ONE).bits(bits)


SOUND = grey().end()
WITHOUT_DQT = SOUND[len(File().quantization().data):]


def files():
    yield from framing()
    yield from frames()
    yield from lines()
    yield from table_segments()
    yield from scans()
    yield from progressions()
    yield from entropy()
    yield from restarts()
    yield from arithmetic()


# ---- framing -----------------------------------------------------------------


def framing():
    yield "empty", b""
    yield "one-byte", b"\xff"
    yield "start-of-image-alone", b"\xff\xd8"
    yield "no-start-of-image", SOUND[2:]
    yield "no-frame", File().end()
    for length in (0, 1):
        yield "segment-length-%d" % length, File().raw(
            bytes((255, COM, 0, length))).raw(SOUND[2:]).data
    yield "segment-length-past-end", File().raw(
        bytes((255, COM, 255, 255))).raw(SOUND[2:]).data
    yield "garbage-between-segments", File().quantization().raw(
        b"garbage").raw(SOUND[2:]).data
    yield "fill-bytes", File().raw(b"\xff" * 3000).raw(SOUND[3:]).data
    yield "missing-end-of-image", SOUND[:-2]
    yield "half-an-end-of-image", SOUND[:-1]
    yield "data-after-end-of-image", SOUND + b"\0after\xff\xd8\xff"
    yield "nested-in-application-segment", File().segment(
        APP1, b"Exif\0\0" + grey("00" * 4, 16, 16).end()).raw(SOUND[2:]).data
    yield "two-starts-of-image", File().marker(SOI).raw(SOUND[2:]).data
    yield "reserved-marker", File().marker(2).raw(SOUND[2:]).data
    yield "stray-rst-and-tem", File().marker(RST0 + 3).marker(1).raw(
        SOUND[2:-2]).marker(RST0).marker(1).end()
    yield "leftover-7-bytes", grey().raw(b"\x5a" * 7).end()
    yield "leftover-8-bytes", grey().raw(b"\x5a" * 8).end()
    yield "leftover-before-dht", grey().raw(b"\x5a").huffman(0, 0, DC).end()


# ---- frame header --------------------------------------------------------------


def frames():
    yield "zero-width", sequential(0, 8).scan(ONE).bits("00").end()
    for process, code, parameters in (("sequential", SOF0, ALL),
                                      ("progressive", SOF2, DC_ONLY)):
        yield "65535-by-65535-" + process, sequential(
            65535, 65535, code=code).scan(ONE, parameters).bits("00").end()
    yield "no-components", sequential(components=[]).scan(ONE).bits(
        "00").end()
    yield "2-components", sequential(components=COLOUR[:2]).scan(
        THREE[:2]).bits("00" * 2).end()
    for count in (5, 255):
        parts = [(c, 1, 1, 0) for c in range(count)]
        data = sequential(components=parts)
        for c in range(count):
            data = data.scan([(c, 0, 0)]).bits("00")
        yield "%d-components" % count, data.end()
        yield "%d-components-progressive" % count, progressive(
            components=parts).scan([(0, 0, 0)], DC_ONLY).bits("0").end()
    same = [(1, 1, 1, 0)] * 3
    yield "duplicate-ids", sequential(components=same).scan(
        [(1, 0, 0)] * 3).bits("100 0 101 0 00").end()
    for h, v in ((0, 1), (1, 0), (5, 1), (1, 5), (15, 15)):
        yield "sampling-%d-by-%d" % (h, v), sequential(
            components=[(1, h, v, 0)]).scan(ONE).bits("00").end()
    for name, factors in (
            ("sampling-3-by-3", [(3, 3)]),
            ("sampling-grey-2-by-2", [(2, 2)]),
            ("sampling-no-integer-ratios", [(3, 1), (2, 2), (1, 3)])):
        parts = [(i + 1, h, v, 0) for i, (h, v) in enumerate(factors)]
        blocks = sum(h * v for h, v in factors) if len(parts) > 1 else 1
        yield name, sequential(components=parts).scan(
            THREE[:len(parts)]).bits("00" * blocks).end()
    yield "two-frames", sequential().frame(SOF0, 8, 8, GREY).scan(ONE).bits(
        "00").end()
    yield "two-frames-of-two-processes", sequential().frame(
        SOF2, 8, 8, GREY).scan(ONE).bits("00").end()
    yield "frame-after-scan", grey().frame(SOF0, 8, 8, GREY).end()
    for precision in (0, 7, 9, 12, 16):
        yield "precision-%d-baseline" % precision, sequential(
            precision=precision).scan(ONE).bits("00").end()
    yield "precision-12-extended", sequential(
        code=SOF1, precision=12).scan(ONE).bits("1110 111111111111 0").end()
    yield "precision-12-progressive", progressive(
        precision=12).scan(ONE, DC_ONLY).bits("1110 111111111111").end()
    yield "precision-16-extended", sequential(
        code=SOF1, precision=16).scan(ONE).bits("00").end()
    for n in (3, 5, 6, 7, 8, 11, 13, 14, 15):
        yield "sof%d" % n, sequential(code=0xC0 + n).scan(ONE).bits(
            "00").end()
    yield "hierarchical-progression", File().frame(
        0xDE, 8, 8, GREY).raw(SOUND[2:]).data
    yield "expand-reference", File().segment(0xDF, b"\x11").raw(
        SOUND[2:]).data
    yield "frame-shorter-than-its-components", tables().segment(
        SOF0, bytes((8, 0, 8, 0, 8, 2, 1, 0x11, 0))).data
    yield "frame-longer-than-its-components", tables().segment(
        SOF0, bytes((8, 0, 8, 0, 8, 1, 1, 0x11, 0, 0))).data
    yield "component-table-4", sequential(
        components=[(1, 1, 1, 4)]).scan(ONE).bits("00").end()
    yield "1-by-1", grey("00", 1, 1).end()


def lines():
    number = (8).to_bytes(2, "big")
    open_end = sequential(8, 0).scan(ONE).bits("00")
    yield "dnl", open_end.segment(DNL, number).end()
    yield "dnl-progressive", progressive(8, 0).scan(ONE, DC_ONLY).bits(
        "0").segment(DNL, number).scan(ONE, (1, 63, 0, 0)).bits("0").end()
    yield "dnl-missing", open_end.end()
    yield "dnl-truncated", open_end.marker(DNL).raw(b"\0\4\0").data
    yield "dnl-length-5", open_end.segment(DNL, number + b"\0").end()
    yield "dnl-of-zero-lines", open_end.segment(DNL, b"\0\0").end()
    yield "dnl-of-more-lines-than-blocks", open_end.segment(
        DNL, b"\xff\xff").end()
    yield "dnl-of-fewer-lines-than-blocks", sequential(8, 0).scan(ONE).bits(
        "00" * 12).segment(DNL, number).end()
    yield "dnl-before-scan", sequential(8, 0).segment(DNL, number).scan(
        ONE).bits("00").end()
    yield "dnl-after-second-scan", sequential(
        8, 0, COLOUR[:2]).scan(ONE).bits("00").scan([(2, 0, 0)]).bits(
            "00").segment(DNL, number).end()
    yield "dnl-repeats-height", grey().segment(DNL, number).end()
    yield "dnl-contradicts-height", grey().segment(DNL, b"\0\7").end()


# ---- tables --------------------------------------------------------------------


def table_segments():
    for destination in (4, 15):
        yield "dqt-destination-%d" % destination, File().quantization(
            destination).raw(SOUND[2:]).data
    for precision in (2, 15):
        yield "dqt-precision-%d" % precision, File().quantization(
            precision << 4).raw(SOUND[2:]).data
    yield "dqt-zero-step", File().segment(
        DQT, b"\0" + b"\1" * 63 + b"\0").raw(WITHOUT_DQT).data
    yield "dqt-all-zero", File().quantization(0, 0).raw(WITHOUT_DQT).data
    yield "dqt-16-bit-zero-step", File().segment(
        DQT, b"\x10" + b"\0\1" * 63 + b"\0\0").raw(WITHOUT_DQT).data
    yield "dqt-unused-zero-step", File().quantization(3, 0).raw(
        SOUND[2:]).data
    yield "dqt-16-bit-in-baseline", File().segment(
        DQT, b"\x10" + b"\1\2" * 64).raw(WITHOUT_DQT).data
    yield "dqt-cut-short", File().segment(DQT, b"\0" + b"\1" * 63).data
    yield "dqt-empty", File().segment(DQT, b"").raw(SOUND[2:]).data
    yield "dqt-missing", File().raw(WITHOUT_DQT).data
    two = COLOUR[:2]
    yield "dqt-redefined-between-scans", sequential(components=two).scan(
        ONE).bits("00").quantization(0, 9).scan([(2, 0, 0)]).bits("00").end()
    yield "dqt-redefined-between-scans-of-a-component", after_dc(
        ).quantization(0, 9).scan(ONE, (1, 63, 0, 0)).bits("0").end()

    for kind in (2, 15):
        yield "dht-class-%d" % kind, File().huffman(kind, 0, DC).raw(
            SOUND[2:]).data
    for destination in (4, 15):
        yield "dht-destination-%d" % destination, File().huffman(
            1, destination, AC).raw(SOUND[2:]).data
    many = [(15, n) for n in range(255)] + [(16, 255), (16, 0)]
    yield "dht-257-symbols", File().huffman(1, 0, many).raw(SOUND[2:]).data
    yield "dht-255-codes-of-each-length", File().segment(
        DHT, b"\0" + b"\xff" * 16).raw(SOUND[2:]).data
    yield "dht-oversubscribed", File().huffman(
        1, 0, [(1, 0), (1, 1), (1, 2)]).raw(SOUND[2:]).data
    yield "dht-code-of-ones", File().huffman(
        0, 0, [(1, 0), (1, 1)]).raw(SOUND[2:]).data
    yield "dht-without-codes", sequential().huffman(0, 0, []).scan(
        ONE).bits("00").end()
    yield "dht-duplicate-symbols", sequential().huffman(
        0, 0, [(2, 0), (2, 0), (2, 1)]).scan(ONE).bits("01 0").end()
    yield "dht-dc-symbol-255", sequential().huffman(
        0, 0, [(1, 255)]).scan(ONE).bits("00").end()
    yield "dht-cut-short", File().segment(DHT, b"\0" + b"\1" * 10).data
    yield "dht-fewer-symbols-than-codes", File().segment(
        DHT, b"\0" + b"\0" * 7 + b"\x09" + b"\0" * 8 + b"\1\2").raw(
            SOUND[2:]).data
    bare = File().quantization().frame(SOF0, 8, 8, GREY)
    # no difference and end of block by the tables of Annex K
    yield "dht-missing", bare.scan(ONE).bits("00 1010").end()
    yield "dht-missing-ac", bare.huffman(0, 0, DC).scan(ONE).bits(
        "0 1010").end()
    yield "dht-missing-destination-2", File().quantization().frame(
        SOF1, 8, 8, GREY).scan([(1, 2, 2)]).bits("00").end()
    yield "dht-missing-progressive", File().quantization().frame(
        SOF2, 8, 8, GREY).scan(ONE, DC_ONLY).bits("00").end()
    yield "dht-destination-2-in-baseline", sequential().huffman(
        0, 2, DC).huffman(1, 2, AC).scan([(1, 2, 2)]).bits("00").end()
    yield "dht-redefined-between-scans", sequential(components=two).scan(
        ONE).bits("100 0").huffman(0, 0, [(1, 1), (2, 0)]).scan(
            [(2, 0, 0)]).bits("01 0").end()
    yield "dri-length-3", File().segment(DRI, b"\0").raw(SOUND[2:]).data
    yield "dri-length-5", File().segment(DRI, b"\0\0\0").raw(SOUND[2:]).data


# ---- scan header -----------------------------------------------------------------


def scans():
    yield "scan-before-frame", tables().scan(ONE).bits("00").end()
    colour = sequential(components=COLOUR)
    yield "scan-of-no-components", sequential().scan([]).bits("00").end()
    yield "scan-of-5-components", sequential(
        components=[(c, 1, 1, 0) for c in range(5)]).scan(
            [(c, 0, 0) for c in range(5)]).bits("00" * 5).end()
    yield "scan-of-unknown-component", sequential().scan(
        [(9, 0, 0)]).bits("00").end()
    yield "scan-of-repeated-component", colour.scan(
        [(1, 0, 0), (1, 0, 0)]).bits("00" * 2).end()
    yield "scan-out-of-frame-order", colour.scan(
        [(2, 0, 0), (1, 0, 0)]).bits("00" * 2).end()
    yield "scan-table-15", sequential().scan([(1, 15, 15)]).bits("00").end()
    yield "scan-longer-than-its-components", sequential().segment(
        SOS, bytes((1, 1, 0, 0, 63, 0, 0))).bits("00").end()
    for name, h, v in (("mcu-of-11-blocks", 3, 3), ("mcu-of-18-blocks", 4, 4)):
        yield name, sequential(
            components=[(1, h, v, 0), (2, 2, 1, 0)]).scan(
                THREE[:2]).bits("00" * (h * v + 2)).end()
    yield "baseline-start-1", sequential().scan(ONE, (1, 63, 0, 0)).bits(
        "0").end()
    yield "baseline-end-62", sequential().scan(ONE, (0, 62, 0, 0)).bits(
        "00").end()
    yield "baseline-low-1", sequential().scan(ONE, (0, 63, 0, 1)).bits(
        "00").end()
    yield "component-never-sent", sequential(components=COLOUR[:2]).scan(
        ONE).bits("00").end()
    yield "no-scan", sequential().end()
    yield "non-interleaved-baseline", colour.scan(ONE).bits("00").scan(
        [(2, 0, 0)]).bits("00").scan([(3, 0, 0)]).bits("00").end()
    yield "baseline-scan-twice", grey().scan(ONE).bits("00").end()


def progressions():
    ac = (1, 63, 0, 0)
    for name, parameters in (
            ("start-past-end", (5, 4, 0, 0)), ("end-64", (1, 64, 0, 0)),
            ("end-255", (1, 255, 0, 0)), ("low-14", (1, 5, 0, 14)),
            ("two-bits-at-once", (1, 5, 2, 0)), ("no-bit", (1, 5, 1, 1)),
            ("bit-backwards", (1, 5, 1, 2))):
        yield "progressive-" + name, after_dc().scan(ONE, parameters).bits(
            "0").end()
    yield "progressive-dc-and-ac", progressive().scan(
        ONE, (0, 63, 0, 0)).bits("00").end()
    yield "progressive-ac-of-several-components", progressive(
        components=COLOUR[:2]).scan(THREE[:2], DC_ONLY).bits("00").scan(
            THREE[:2], ac).bits("00").end()
    yield "progressive-refinement-first", progressive().scan(
        ONE, (0, 0, 1, 0)).bits("0").end()
    yield "progressive-ac-refinement-first", after_dc().scan(
        ONE, (1, 63, 1, 0)).bits("0").end()
    yield "progressive-ac-before-dc", progressive().scan(ONE, ac).bits(
        "0").end()
    yield "progressive-band-twice", after_dc().scan(ONE, ac).bits("0").scan(
        ONE, ac).bits("0").end()
    yield "progressive-bands-overlap", after_dc().scan(
        ONE, (1, 5, 0, 0)).bits("0").scan(ONE, (5, 63, 0, 0)).bits("0").end()
    yield "progressive-refinement-skips-a-bit", progressive().scan(
        ONE, (0, 0, 0, 3)).bits("0").scan(ONE, (0, 0, 2, 1)).bits("0").end()
    yield "progressive-refinement-twice", progressive().scan(
        ONE, (0, 0, 0, 1)).bits("0").scan(ONE, (0, 0, 1, 0)).bits("0").scan(
            ONE, (0, 0, 1, 0)).bits("0").end()
    yield "progressive-component-never-sent", progressive(
        components=COLOUR[:2]).scan(ONE, DC_ONLY).bits("0").end()
    yield "progressive-bits-never-sent", progressive().scan(
        ONE, (0, 0, 0, 1)).bits("10 1").end()


# ---- entropy-coded data ------------------------------------------------------------


def entropy():
    yield "dc-category-12", grey("1110 000000000000 0").end()
    yield "ac-size-11", grey("0 1110 00000000000 0").end()
    yield "end-of-band-run-in-baseline", grey("0 11110 00000 0").end()
    yield "run-past-63", grey("0 " + "101" * 62 + "1111101 0").end()
    yield "zero-runs-for-ever", grey("0 " + "110" * 5000).end()
    yield "last-coefficient-without-end-of-block", grey(
        "0 " + "101" * 63).end()
    yield "end-of-band-run-past-the-image", after_dc(16, 8).scan(
        ONE, (1, 63, 0, 0)).bits("1110 1").end()
    yield "end-of-band-run-of-32767", after_dc(16, 8).scan(
        ONE, (1, 63, 0, 0)).bits("1111110" + "1" * 14).end()
    yield "dc-overflow-by-differences", grey(
        "110 11111111111 0" * 17, 17 * 8, 8).end()
    yield "dc-overflow-by-shift", progressive().scan(
        ONE, (0, 0, 0, 13)).bits("110 10000000000 0").end()
    yield "ac-overflow-by-shift", after_dc().scan(
        ONE, (1, 63, 0, 13)).bits("111110 1000000000 0").end()
    # -3 << 13, then one bit more in each of the scans that follow
    yield "ac-extreme-by-refinement", refined(after_dc().scan(
        ONE, (1, 63, 0, 13)).bits("11110 00 0"))
    yield "refinement-of-two-bits", after_dc().scan(
        ONE, (1, 63, 0, 1)).bits("0").scan(
            ONE, (1, 63, 1, 0)).bits("11110 11 0").end()
    yield "run-past-band", after_dc().scan(ONE, (1, 16, 0, 0)).bits(
        "101 110 0").end()
    yield "code-not-in-table", grey("1111 0000 0000 0000 0000").end()
    yield "code-of-16-ones", grey("1" * 40).end()
    # forty-eight zeros, then the last coefficient: ten bits of ones
    yield "stuffed-byte-at-end", sequential().huffman(
        1, 0, [(1, 0xF0), (2, 0xEA)]).scan(ONE).bits(
            "0 000 10 1111111111").end()
    yield "fill-byte-after-data", grey().raw(b"\xff").end()
    yield "half-a-stuffed-byte", sequential().scan(ONE).raw(b"\xff").data
    yield "scan-without-data", sequential().scan(ONE).end()
    for name, code in (("eoi", EOI), ("sos", SOS), ("com", COM),
                       ("rst", RST0), ("tem", 1), ("soi", SOI)):
        yield "%s-inside-data" % name, grey("00" * 4, 64, 8).marker(
            code).bits("00" * 4).end()
    yield "padding-of-zeros", sequential().scan(ONE).bits("00", "0").end()
    yield "data-for-one-block-too-few", grey("00" * 8, 72, 8).end()


def refined(data):
    for low in range(12, -1, -1):
        data = data.scan(ONE, (1, 63, low + 1, low)).bits("0 1")
    return data.end()


# ---- restarts -------------------------------------------------------------------------


def restarts():
    def every(n, width=16):
        return sequential(width, 8).segment(
            DRI, n.to_bytes(2, "big")).scan(ONE)

    yield "restart-interval-1", every(1).bits("00").marker(RST0).bits(
        "00").end()
    yield "restart-interval-65535", every(65535).bits("00" * 2).end()
    yield "restart-too-early", every(8, 64).bits("00" * 4).marker(
        RST0).bits("00" * 4).end()
    yield "restart-too-late", every(1, 24).bits("00" * 2).marker(
        RST0).bits("00").end()
    yield "restart-missing", every(1, 64).bits("100 0" * 8).end()
    yield "restart-of-the-wrong-number", every(1).bits("00").marker(
        RST0 + 1).bits("00").end()
    yield "restart-after-the-last-interval", every(1).bits("00").marker(
        RST0).bits("00").marker(RST0 + 1).end()
    yield "restart-twice", every(1).bits("00").marker(RST0).marker(
        RST0).bits("00").end()
    yield "restart-without-interval", grey("00" * 4, 64, 8).marker(
        RST0).bits("00" * 4).end()
    yield "restart-ends-end-of-band-run", after_dc(16, 8).segment(
        DRI, b"\0\1").scan(ONE, (1, 63, 0, 0)).bits("1110 0").marker(
            RST0).bits("0").end()


# ---- arithmetic coding ----------------------------------------------------------------


def arithmetic():
    def grey_sof9(data):
        return File().quantization().raw(data).frame(0xC9, 8, 8, GREY)

    def conditioned(*pairs):
        payload = b"".join(bytes(pair) for pair in pairs)
        return grey_sof9(File(b"").segment(DAC, payload).data).scan(
            ONE).raw(b"\0").end()

    yield "dac-lower-above-upper", conditioned((0x00, 0x12))
    yield "dac-low-bands-0", conditioned((0x10, 0))
    yield "dac-low-bands-64", conditioned((0x10, 64))
    yield "dac-class-2", conditioned((0x20, 0x10))
    yield "dac-destination-4", conditioned((0x04, 0x10))
    yield "dac-of-odd-length", grey_sof9(
        File(b"").segment(DAC, b"\0\x10\x10").data).scan(ONE).raw(b"\0").end()
    yield "arithmetic-precision-16", File().quantization().frame(
        0xC9, 8, 8, GREY, 16).scan(ONE).raw(b"\0").end()
    yield "arithmetic-65535-by-65535", File().quantization().frame(
        0xC9, 65535, 65535, GREY).scan(ONE).raw(b"\0").end()
    noise, state = bytearray(), 1
    for _ in range(600):
        state = (state * 1103515245 + 12345) % (1 << 31)
        noise.append((state >> 16) % 255)
    for name, code, parameters in (("", 0xC9, ALL),
                                   ("-progressive", 0xCA, DC_ONLY)):
        start = File().quantization().frame(code, 64, 64, GREY)
        yield "arithmetic-noise%s" % name, start.scan(
            ONE, parameters).raw(bytes(noise)).end()
        yield "arithmetic-truncated%s" % name, start.scan(
            ONE, parameters).raw(bytes(noise[:9])).data
    yield "arithmetic-noise-ac", File().quantization().frame(
        0xCA, 64, 64, GREY).scan(ONE, DC_ONLY).raw(b"\0").scan(
            ONE, (1, 63, 0, 13)).raw(bytes(noise[:300])).scan(
                ONE, (1, 63, 13, 12)).raw(bytes(noise[300:])).end()


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    made = {}
    for name, data in files():
        name += ".jpg"
        assert name not in made and len(data) < 4096, name
        made[name] = data
    old = {f for f in os.listdir(HERE) if f.endswith(".jpg")}
    if check:
        wrong = sorted(old ^ set(made))
        for name in sorted(old & set(made)):
            with open(os.path.join(HERE, name), "rb") as f:
                if f.read() != made[name]:
                    wrong.append(name)
        if wrong:
            sys.exit("differ: " + " ".join(wrong))
        print("%d files, all as made" % len(made))
        return
    for name in old - set(made):
        os.remove(os.path.join(HERE, name))
    for name, data in made.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(data)
    print("%d files, the largest %d bytes" % (
        len(made), max(map(len, made.values()))))


if __name__ == "__main__":
    main()
