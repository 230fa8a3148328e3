//! JPEG files as sequences of segments: taken apart, patched, and written from nothing.

// Lengths and positions come from files of a few kilobytes.
#![allow(clippy::cast_possible_truncation)]

/// A marker without a segment that means nothing between segments.
pub const TEM: u8 = 0x01;
pub const SOF0: u8 = 0xC0;
pub const SOF1: u8 = 0xC1;
pub const SOF2: u8 = 0xC2;
pub const DHT: u8 = 0xC4;
pub const RST0: u8 = 0xD0;
pub const SOI: u8 = 0xD8;
pub const EOI: u8 = 0xD9;
pub const SOS: u8 = 0xDA;
pub const DQT: u8 = 0xDB;
pub const DNL: u8 = 0xDC;
pub const DRI: u8 = 0xDD;
pub const APP0: u8 = 0xE0;
pub const COM: u8 = 0xFE;

/// A marker of a file with what follows it up to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub code: u8,
    /// Position of the marker's 0xFF, or of the first of its fill bytes.
    pub start: usize,
    /// Position of the marker's code byte.
    pub position: usize,
    /// Position after the segment, before any entropy-coded data.
    pub end: usize,
}

/// The markers of a well-formed file, those of restarts among them, up to EOI.
pub fn parts(bytes: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        // Entropy-coded data, if any, ends at 0xFF and a byte other than zero.
        while bytes[at] != 0xFF || bytes[at + 1] == 0 {
            at += 1;
        }
        let start = at;
        while bytes[at] == 0xFF {
            at += 1;
        }
        let code = bytes[at];
        let position = at;
        at += 1;
        if !matches!(code, SOI | EOI | RST0..=0xD7 | TEM) {
            at += usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        }
        parts.push(Part {
            code,
            start,
            position,
            end: at,
        });
        if code == EOI {
            return parts;
        }
    }
}

/// The first part with this marker code.
pub fn part(bytes: &[u8], code: u8) -> Part {
    parts(bytes)
        .into_iter()
        .find(|part| part.code == code)
        .unwrap_or_else(|| panic!("no marker {code:#04x}"))
}

/// The frame header's part.
pub fn frame_part(bytes: &[u8]) -> Part {
    parts(bytes)
        .into_iter()
        .find(|part| matches!(part.code, SOF0..=SOF2 | 0xC9 | 0xCA))
        .unwrap()
}

/// The segment's payload.
pub fn payload(bytes: &[u8], part: Part) -> &[u8] {
    &bytes[part.position + 3..part.end]
}

/// Writes a file segment by segment, with no check whatever.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// A component of a hand-written frame: id, horizontal and vertical factor, table destination.
pub type FrameEntry = (u8, u8, u8, u8);

/// A component of a hand-written scan: id, DC and AC table destination.
pub type ScanEntry = (u8, u8, u8);

impl Writer {
    /// SOI.
    pub fn new() -> Self {
        Self {
            bytes: vec![0xFF, SOI],
        }
    }

    /// Length so far, which is the position of what comes next.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn marker(self, code: u8) -> Self {
        self.raw(&[0xFF, code])
    }

    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub fn segment(self, code: u8, payload: &[u8]) -> Self {
        let length = (payload.len() + 2) as u16;
        self.marker(code).raw(&length.to_be_bytes()).raw(payload)
    }

    /// A table of 8-bit steps, all equal.
    pub fn quantization(self, destination: u8, step: u8) -> Self {
        let mut payload = vec![step; 65];
        payload[0] = destination;
        self.segment(DQT, &payload)
    }

    pub fn frame(self, code: u8, width: u16, height: u16, components: &[FrameEntry]) -> Self {
        let mut payload = vec![8];
        payload.extend(height.to_be_bytes());
        payload.extend(width.to_be_bytes());
        payload.push(components.len() as u8);
        for &(id, horizontal, vertical, destination) in components {
            payload.extend([id, horizontal << 4 | vertical, destination]);
        }
        self.segment(code, &payload)
    }

    /// A Huffman table of (length, symbol) by increasing length; class 0 is DC, 1 is AC.
    pub fn huffman(self, class: u8, destination: u8, codes: &[(u8, u8)]) -> Self {
        let mut payload = vec![0; 17];
        payload[0] = class << 4 | destination;
        for &(length, symbol) in codes {
            payload[usize::from(length)] += 1;
            payload.push(symbol);
        }
        self.segment(DHT, &payload)
    }

    pub fn restart_interval(self, mcus: u16) -> Self {
        self.segment(DRI, &mcus.to_be_bytes())
    }

    /// A scan header; `parameters` are Ss, Se, Ah, Al.
    pub fn scan(self, components: &[ScanEntry], parameters: [u8; 4]) -> Self {
        let [start, end, high, low] = parameters;
        let mut payload = vec![components.len() as u8];
        for &(id, dc, ac) in components {
            payload.extend([id, dc << 4 | ac]);
        }
        payload.extend([start, end, high << 4 | low]);
        self.segment(SOS, &payload)
    }

    /// Entropy-coded data from text: `0` and `1` count, all else is ignored; padded with ones, stuffed.
    pub fn data(mut self, bits: &str) -> Self {
        let mut bits: Vec<u8> = bits
            .bytes()
            .filter(|byte| matches!(byte, b'0' | b'1'))
            .map(|byte| byte - b'0')
            .collect();
        while !bits.len().is_multiple_of(8) {
            bits.push(1);
        }
        for byte in bits.chunks(8) {
            let byte = byte.iter().fold(0, |byte, bit| byte << 1 | bit);
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
        self
    }

    /// EOI, and the file.
    pub fn finish(self) -> Vec<u8> {
        self.marker(EOI).bytes
    }

    /// The file as it is.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }
}

/// A grey baseline file of zeros, of two bits a block: the most blocks for its length.
pub fn flat_baseline(side: u16) -> Vec<u8> {
    let blocks = usize::from(side.div_ceil(8)).pow(2);
    Writer::new()
        .quantization(0, 1)
        .huffman(0, 0, &[(1, 0)])
        .huffman(1, 0, &[(1, 0)])
        .frame(SOF0, side, side, &[(1, 1, 1, 0)])
        .scan(&[(1, 0, 0)], [0, 63, 0, 0])
        .data(&"00".repeat(blocks))
        .finish()
}

/// Compares frame header, Huffman tables, restart intervals, scan headers and entropy-coded data.
///
/// The frame's table destinations may be numbered otherwise, since we write equal tables once: they
/// must lead to equal steps.
pub fn assert_same_coding(ours: &[u8], theirs: &[u8], what: &str) {
    let (our_frame, their_frame) = (frame_part(ours), frame_part(theirs));
    assert_eq!(our_frame.code, their_frame.code, "{what}: process");
    let strip = |bytes: &[u8]| {
        let mut header = payload(bytes, frame_part(bytes)).to_vec();
        for destination in header[6..].iter_mut().skip(2).step_by(3) {
            *destination = 0;
        }
        header
    };
    assert_eq!(strip(ours), strip(theirs), "{what}: frame header");
    let (ours, theirs) = (&ours[our_frame.end..], &theirs[their_frame.end..]);
    if ours != theirs {
        let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        panic!(
            "{what}: byte {at} after the frame header: {:02x?} against {:02x?} ({} and {} bytes)",
            &ours[at..ours.len().min(at + 16)],
            &theirs[at..theirs.len().min(at + 16)],
            ours.len(),
            theirs.len()
        );
    }
}
