//! Where tokens go: into a count, for the best tables, or into the file.

use crate::coefficients::{ColorSpace, Scan};

use super::super::bit_writer::{BitWriter, Fields};
use super::super::huffman::HuffmanSpec;
use super::tokens::{Token, TokenSink};

/// The pair of Huffman tables, DC and AC, that a component uses; the value is the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TablePair {
    First = 0,
    Second = 1,
}

impl TablePair {
    /// libjpeg's choice: the second pair of tables serves colour differences.
    fn of(color: ColorSpace, component: usize) -> Self {
        match (color, component) {
            (ColorSpace::YCbCr | ColorSpace::Ycck, 1 | 2) => Self::Second,
            _ => Self::First,
        }
    }

    /// The pair of each component of a scan, by slot.
    pub(super) fn of_scan(color: ColorSpace, scan: &Scan) -> [Self; 4] {
        let mut pairs = [Self::First; 4];
        for (pair, component) in pairs.iter_mut().zip(scan.components()) {
            *pair = Self::of(color, component);
        }
        pairs
    }
}

/// The tables of both pairs.
#[derive(Debug, Clone)]
pub(super) struct HuffmanSpecs {
    pub(super) dc: [HuffmanSpec; 2],
    pub(super) ac: [HuffmanSpec; 2],
}

impl HuffmanSpecs {
    /// The example tables of T.81 K.3.3.
    pub(super) fn standard() -> Self {
        Self {
            dc: [false, true].map(HuffmanSpec::standard_dc),
            ac: [false, true].map(HuffmanSpec::standard_ac),
        }
    }
}

/// Counts symbols, and keeps the tokens of a scan for writing them, unless they are too many.
#[derive(Debug)]
pub(super) struct Recorder {
    counts: Box<[u64; Token::PLACES]>,
    recording: Option<Recording>,
    /// What the recording holds at most, in tokens.
    room: usize,
}

/// The tokens of a scan.
#[derive(Debug, Default)]
pub(super) struct Recording {
    tokens: Vec<Token>,
    /// The number of tokens before each restart marker, and the marker's number.
    restarts: Vec<(usize, u8)>,
}

/// A restart takes as much memory as so many tokens.
const TOKENS_OF_RESTART: usize = size_of::<(usize, u8)>() / size_of::<Token>();

impl Recorder {
    /// Keeps at most as many bytes as `coefficients` have, or nothing where there is no memory.
    pub(super) fn new(coefficients: usize) -> Self {
        Self {
            counts: Box::new([0; Token::PLACES]),
            recording: Some(Recording::default()),
            room: coefficients * size_of::<i16>() / size_of::<Token>(),
        }
    }

    /// The best tables for what was counted.
    pub(super) fn optimal(&self) -> HuffmanSpecs {
        let table = |symbol_0: Token| {
            let (counts, _) = self.counts[symbol_0.place()..].as_chunks();
            HuffmanSpec::optimal(&counts[0])
        };
        let pairs = [TablePair::First, TablePair::Second];
        HuffmanSpecs {
            dc: pairs.map(|pair| table(Token::dc(pair))),
            ac: pairs.map(|pair| table(Token::ac(pair))),
        }
    }

    /// What was kept; `None` where it was too much.
    pub(super) fn into_recording(self) -> Option<Recording> {
        self.recording
    }

    /// The recording, if it has room for so much more.
    fn with_room(&mut self, tokens: usize) -> Option<&mut Recording> {
        self.recording.take_if(|recording| {
            let held = recording.tokens.len() + recording.restarts.len() * TOKENS_OF_RESTART;
            held + tokens > self.room
        });
        self.recording.as_mut()
    }
}

impl TokenSink for Recorder {
    fn take(&mut self, tokens: &[Token]) {
        for token in tokens {
            self.counts[token.place()] += 1;
        }
        let room = self.room;
        let kept = self.with_room(tokens.len()).is_some_and(|recording| {
            // Twice as much each time, but no more than there is room for.
            let held = &mut recording.tokens;
            let more = held.len().clamp(tokens.len(), room - held.len());
            let fits = held.capacity() - held.len() >= tokens.len()
                || held.try_reserve_exact(more).is_ok();
            if fits {
                held.extend_from_slice(tokens);
            }
            fits
        });
        if !kept {
            self.recording = None;
        }
    }

    fn restart(&mut self, number: u8) {
        if let Some(recording) = self.with_room(TOKENS_OF_RESTART) {
            recording.restarts.push((recording.tokens.len(), number));
        }
    }
}

impl Recording {
    pub(super) fn replay(&self, sink: &mut dyn TokenSink) {
        let mut start = 0;
        for &(end, number) in &self.restarts {
            sink.take(&self.tokens[start..end]);
            sink.restart(number);
            start = end;
        }
        sink.take(&self.tokens[start..]);
    }
}

/// Writes tokens.
#[derive(Debug)]
pub(super) struct Writer {
    bits: BitWriter,
    /// By place. A symbol without a code has length 0.
    codes: Box<[Code; Token::PLACES]>,
    longest: u32,
}

/// A code, shifted to make room for the bits behind it, and its length with those.
#[derive(Debug, Clone, Copy, Default)]
struct Code {
    bits: u32,
    length: u32,
}

impl Writer {
    /// Appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>, specs: &HuffmanSpecs) -> Self {
        let mut writer = Self {
            bits: BitWriter::new(bytes),
            codes: Box::new([Code::default(); Token::PLACES]),
            longest: 0,
        };
        for (pair, dc, ac) in [
            (TablePair::First, &specs.dc[0], &specs.ac[0]),
            (TablePair::Second, &specs.dc[1], &specs.ac[1]),
        ] {
            writer.add_table(Token::dc(pair), dc);
            writer.add_table(Token::ac(pair), ac);
        }
        for count in 0..=16 {
            writer.add_code(Token::bare(0, count), 0, 0, count);
        }
        writer
    }

    fn add_table(&mut self, symbol_0: Token, spec: &HuffmanSpec) {
        for (symbol, code, length) in spec.codes() {
            let (high, low) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            // Runs of ended bands have their size in the upper half (T.81 table G.1); DC sizes and
            // those behind runs of zeros are in the lower one, which is 0 in a run of 16 zeros.
            let size = if low == 0 && high < 15 { high } else { low };
            self.add_code(symbol_0.with(symbol.into(), 0), code, length.into(), size);
        }
    }

    fn add_code(&mut self, token: Token, code: u32, length: u32, size: u32) {
        let length = length + size;
        self.longest = self.longest.max(length);
        self.codes[token.place()] = Code {
            bits: code << size,
            length,
        };
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bits.finish()
    }
}

impl TokenSink for Writer {
    fn take(&mut self, tokens: &[Token]) {
        // Two at once wherever samples have 8 bits, but for the longest runs of ended bands.
        if 2 * self.longest <= BitWriter::MOST {
            self.write::<2>(tokens);
        } else {
            self.write::<1>(tokens);
        }
    }

    fn restart(&mut self, number: u8) {
        self.bits.restart(number);
    }
}

impl Writer {
    /// No `AT_ONCE` of all codes may have more than [`BitWriter::MOST`] bits.
    fn write<const AT_ONCE: usize>(&mut self, tokens: &[Token]) {
        let codes = &self.codes;
        let put = |fields: &mut Fields<'_>, token: Token| {
            let code = codes[token.place()];
            let is_told = code.length > 0 || token == Token::bare(0, 0);
            debug_assert!(is_told, "{token:?} has no code");
            fields.put(code.bits | token.bits(), code.length);
        };
        // A group has at most 8 bytes.
        for tokens in tokens.chunks(BitWriter::ROOM / 8 * AT_ONCE) {
            let mut fields = self.bits.fields();
            let (groups, rest) = tokens.as_chunks::<AT_ONCE>();
            for group in groups {
                for &token in group {
                    put(&mut fields, token);
                }
                fields.settle();
            }
            for &token in rest {
                put(&mut fields, token);
                fields.settle();
            }
            fields.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_kept_up_to_the_size_of_the_coefficients_and_counted_beyond() {
        let tokens: Vec<Token> = (0..33)
            .map(|symbol| Token::ac(TablePair::Second).with(symbol, 0))
            .collect();
        let record = |count: usize, restart: bool| {
            let mut recorder = Recorder::new(64);
            for token in &tokens[..count] {
                recorder.take(&[*token]);
            }
            if restart {
                recorder.restart(0);
            }
            recorder
        };
        assert!(record(32, false).into_recording().is_some());
        assert!(record(33, false).into_recording().is_none());
        assert!(
            record(32 - TOKENS_OF_RESTART, true)
                .into_recording()
                .is_some()
        );
        assert!(
            record(33 - TOKENS_OF_RESTART, true)
                .into_recording()
                .is_none()
        );
        assert_eq!(record(33, false).optimal().ac[1].symbols().len(), 33);
    }

    #[test]
    fn a_recording_writes_what_was_recorded() {
        let mut recorder = Recorder::new(1000);
        let specs = HuffmanSpecs::standard();
        let mut writer = Writer::new(Vec::new(), &specs);
        let both = |sink: &mut dyn TokenSink| {
            for number in 0..3 {
                sink.take(&[
                    Token::dc(TablePair::First).with(3, 5),
                    Token::bare(0xFFFF, 16),
                ]);
                sink.take(&[Token::ac(TablePair::Second)]);
                sink.restart(number);
            }
            sink.take(&[Token::bare(1, 1)]);
        };
        both(&mut recorder);
        both(&mut writer);
        let mut again = Writer::new(Vec::new(), &specs);
        recorder.into_recording().unwrap().replay(&mut again);
        assert_eq!(again.finish(), writer.finish());
    }
}
