//! Entropy-coded data as bits: byte stuffing undone and done, MSB first (T.81 B.1.1.5, F.1.2.3).

use crate::error::Result;
use crate::limits::try_reserve;

/// Zero bytes after the data, so that a refill near the end reads zeros and never past the buffer.
const PADDING: usize = 16;

/// The bytes between two markers of a scan, with stuffing removed.
#[derive(Debug, Default)]
pub(super) struct EntropyData {
    /// De-stuffed bytes and [`PADDING`] zeros.
    clean: Vec<u8>,
    /// Position in the input of the first byte.
    start: usize,
    /// Position in the input of the first byte after, the 0xFF of a marker or the end of input.
    end: usize,
    /// Position in the input and value of the first code after 0xFF that is neither a stuffed zero nor an end.
    damaged_stuffing: Option<(usize, u8)>,
}

impl EntropyData {
    /// Replaces the content by the entropy-coded data at `start`, up to the first code after 0xFF that
    /// `ends` the data; others count as damaged stuffing. Where 0xFF itself ends no data, several of it
    /// are one byte, as in libjpeg, if the code behind them does not end it.
    ///
    /// Holds as many bytes as are left of the input, reserved once: later calls for data further on
    /// find room enough.
    pub(super) fn load(
        &mut self,
        input: &[u8],
        start: usize,
        ends: impl Fn(u8) -> bool,
    ) -> Result<()> {
        self.clean.clear();
        self.damaged_stuffing = None;
        self.start = start;
        let longest = input.len().saturating_sub(start) + PADDING;
        if self.clean.capacity() < longest {
            try_reserve(&mut self.clean, longest)?;
        }
        let mut copied = start;
        self.end = loop {
            let rest = input.get(copied..).unwrap_or(&[]);
            let Some(offset) = memchr::memchr(0xFF, rest) else {
                self.clean.extend_from_slice(rest);
                break input.len();
            };
            self.clean.extend_from_slice(&rest[..offset]);
            let behind = &rest[offset + 1..];
            // Fill bytes of a marker, or data that were damaged.
            let repeats = behind.iter().take_while(|&&byte| byte == 0xFF).count();
            let is_data = |&code: &u8| !ends(code) && (repeats == 0 || !ends(0xFF));
            let Some(code) = behind.get(repeats).copied().filter(is_data) else {
                break copied + offset;
            };
            if repeats > 0 || code != 0 {
                self.damaged_stuffing
                    .get_or_insert((copied + offset + 1, behind[0]));
            }
            self.clean.push(0xFF);
            copied += offset + 1 + repeats + 1;
        };
        self.clean.extend_from_slice(&[0; PADDING]);
        Ok(())
    }

    pub(super) const fn damaged_stuffing(&self) -> Option<(usize, u8)> {
        self.damaged_stuffing
    }

    /// Position in the input of the marker that ends the data, or the length of the input.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    pub(super) fn bits(&self) -> BitReader<'_> {
        BitReader {
            rest: &self.clean,
            end: self.clean.len(),
            buffer: 0,
            available: 0,
        }
    }

    /// The data, without padding.
    pub(super) fn clean_bytes(&self) -> &[u8] {
        &self.clean[..self.len()]
    }

    /// Bytes of data, without padding.
    pub(super) fn len(&self) -> usize {
        self.clean.len() - PADDING
    }

    /// Position in the input of the clean byte at `index`.
    pub(super) fn input_position(&self, input: &[u8], index: usize) -> usize {
        let mut position = self.start;
        for _ in 0..index {
            if position >= self.end {
                break;
            }
            if input.get(position) == Some(&0xFF) {
                // The code behind it, and what may repeat it before that.
                while input.get(position + 1) == Some(&0xFF) {
                    position += 1;
                }
                position += 1;
            }
            position += 1;
        }
        position.min(self.end)
    }
}

/// Bits that are available behind a refill, at least.
pub(super) const REFILLED: u32 = 56;

/// Reads bits from [`EntropyData`].
///
/// Past the end it yields zeros for ever; [`consumed_bytes`](Self::consumed_bytes) tells.
///
/// The sequential decoder takes a copy for the length of a block and never lends it to a function that is not
/// inlined: its fields then stay in registers.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    /// What is still to be loaded; the last bytes never are, since they are zeros of the padding.
    rest: &'a [u8],
    /// Bytes that are or were in `rest`, and those that were read past its end.
    end: usize,
    /// Unread bits, the next one on top. Bits below the available ones may be set: they are
    /// copies of the first bits of `rest`, and loading those again changes nothing.
    buffer: u64,
    /// Number of bits counted as read into the buffer, at most 63.
    available: u32,
}

impl BitReader<'_> {
    /// Makes at least [`REFILLED`] bits available.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let missing = (7 - self.available / 8) as usize & 7;
        if let Some(&next) = self.rest.first_chunk::<8>() {
            self.buffer |= u64::from_be_bytes(next) >> self.available;
            self.rest = &self.rest[missing..];
        } else {
            // Fewer than eight bytes of the padding are left, which are zero, as is all behind.
            self.end += missing;
        }
        self.available |= REFILLED;
    }

    /// The next `count` bits, 1 to 32 of them, without consuming them.
    #[inline(always)]
    pub(super) const fn peek(&self, count: u32) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "at most 32 bits remain")]
        {
            (self.buffer >> (64 - count)) as u32
        }
    }

    /// Consumes the next `count` bits, which must be available, 1 to 63 of them.
    #[inline(always)]
    pub(super) const fn take(&mut self, count: u32) -> u64 {
        let taken = self.buffer >> (count.wrapping_neg() & 63);
        self.consume(count);
        taken
    }

    /// Drops `count` bits, which must be available.
    #[inline(always)]
    pub(super) const fn consume(&mut self, count: u32) {
        self.buffer <<= count & 63;
        self.available -= count;
    }

    /// The next bit, refilling as needed.
    #[inline(always)]
    pub(super) fn bit(&mut self) -> bool {
        if self.available == 0 {
            self.refill();
        }
        let bit = self.buffer >> 63 == 1;
        self.consume(1);
        bit
    }

    /// Bytes that have been read from, in whole or in part; more than there are past the end.
    #[inline(always)]
    pub(super) const fn consumed_bytes(&self) -> usize {
        self.end - self.rest.len() - (self.available / 8) as usize
    }
}

/// Writes bits, stuffing a zero byte after each 0xFF.
#[derive(Debug)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The next bytes before they are stuffed.
    clean: Box<[u8; CLEAN + 8]>,
    /// The last bits; more than are pending, where higher ones stand in bytes already.
    buffer: u64,
    /// Bits that stand in no byte yet, below 8 between calls.
    pending: u32,
}

/// Bytes that are stuffed at once; a power of two.
const CLEAN: usize = 8192;

impl Default for BitWriter {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl BitWriter {
    /// Bits that are written at once, at most: with 7 that are pending they fill the buffer.
    pub(super) const MOST: u32 = 57;

    /// Appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            clean: Box::new([0; CLEAN + 8]),
            buffer: 0,
            pending: 0,
        }
    }

    /// Writes the low `count` bits of `bits`, at most 32; higher bits must be zero.
    #[cfg(test)]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.put_all::<_, 1>(&[(bits, count)], |field| field);
    }

    /// Writes a field for each item: its bits, of which higher ones must be zero, and their number.
    /// No `AT_ONCE` fields may have more than [`MOST`](Self::MOST) bits.
    #[inline(always)]
    pub(super) fn put_all<T: Copy, const AT_ONCE: usize>(
        &mut self,
        items: &[T],
        field: impl Fn(T) -> (u32, u32),
    ) {
        // A group has at most 57 bits and 7 are pending: so many groups stay below the clean buffer.
        for items in items.chunks(CLEAN / 8 * AT_ONCE) {
            let (groups, rest) = items.as_chunks::<AT_ONCE>();
            let mut state = (self.buffer, self.pending, 0);
            for group in groups {
                state = put_group(&mut self.clean, state, group, &field);
            }
            let (buffer, pending, len) = put_group(&mut self.clean, state, rest, &field);
            (self.buffer, self.pending) = (buffer, pending);
            self.stuff(len);
        }
    }

    /// Fills the last byte with ones and returns the bytes (T.81 F.1.2.3).
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.align();
        self.bytes
    }

    /// Ends an interval with a restart marker.
    pub(super) fn restart(&mut self, number: u8) {
        self.align();
        self.bytes
            .extend_from_slice(&[0xFF, super::marker::RST0 + number % 8]);
    }

    fn align(&mut self) {
        let missing = self.pending.wrapping_neg() % 8;
        self.put_all::<_, 1>(&[()], |()| ((1 << missing) - 1, missing));
    }

    fn stuff(&mut self, len: usize) {
        let mut rest = &self.clean[..len];
        while let Some(index) = memchr::memchr(0xFF, rest) {
            let (stuffed, behind) = rest.split_at(index + 1);
            self.bytes.extend_from_slice(stuffed);
            self.bytes.push(0);
            rest = behind;
        }
        self.bytes.extend_from_slice(rest);
    }
}

/// Puts the fields of a group behind the bytes of `clean`, of which the state tells the number, last of three.
#[inline(always)]
fn put_group<T: Copy>(
    clean: &mut [u8; CLEAN + 8],
    (buffer, pending, len): (u64, u32, usize),
    group: &[T],
    field: impl Fn(T) -> (u32, u32),
) -> (u64, u32, usize) {
    let (mut bits, mut count) = (0, 0);
    for &item in group {
        let (item_bits, item_count) = field(item);
        bits = bits << item_count | u64::from(item_bits);
        count += item_count;
    }
    let (buffer, pending) = (buffer << count | bits, pending + count);
    // There is room, so that the remainder changes nothing; it spares a check. Where no bits are pending
    // the bytes are none yet, whatever they are.
    let next = len % CLEAN;
    clean[next..next + 8].copy_from_slice(&buffer.wrapping_shl(64 - pending).to_be_bytes());
    (buffer, pending % 8, len + (pending / 8) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stuffing_is_removed_up_to_the_marker() {
        let input = [9, 1, 0xFF, 0, 2, 0xFF, 0xD9, 7];
        let mut data = EntropyData::default();
        data.load(&input, 1, |code| code != 0).unwrap();
        assert_eq!(data.clean[..data.len()], [1, 0xFF, 2]);
        assert_eq!(data.end(), 5);
        assert_eq!(
            [0, 1, 2, 3, 9].map(|index| data.input_position(&input, index)),
            [1, 2, 4, 5, 5]
        );
    }

    #[test]
    fn bytes_that_look_like_fill_are_a_byte_of_data_where_no_marker_follows() {
        let input = [1, 0xFF, 0xFF, 0xFF, 0, 2, 0xFF, 0xFF, 0xD9];
        let mut data = EntropyData::default();
        data.load(&input, 0, |code| (0xC0..0xFF).contains(&code))
            .unwrap();
        assert_eq!(data.clean_bytes(), [1, 0xFF, 2]);
        assert_eq!(data.end(), 6);
        assert_eq!(data.damaged_stuffing(), Some((2, 0xFF)));
        assert_eq!(
            [0, 1, 2, 3].map(|index| data.input_position(&input, index)),
            [0, 1, 5, 6]
        );
        data.load(&input, 0, |code| code != 0).unwrap();
        assert_eq!((data.clean_bytes(), data.end()), ([1].as_slice(), 1));
    }

    #[test]
    fn reading_past_the_end_yields_zeros_and_is_noticed() {
        let mut data = EntropyData::default();
        data.load(&[0xA5], 0, |code| code != 0).unwrap();
        let mut bits = data.bits();
        bits.refill();
        assert_eq!(bits.peek(8), 0xA5);
        bits.consume(8);
        assert_eq!(bits.consumed_bytes(), 1);
        for _ in 0..1000 {
            assert!(!bits.bit());
        }
        assert_eq!(bits.consumed_bytes(), 126);
    }

    #[test]
    fn room_is_made_for_what_is_left_of_the_input_and_no_more() {
        let mut data = EntropyData::default();
        data.load(&[7; 1000], 100, |code| code != 0).unwrap();
        assert!((900 + PADDING..=1000 + PADDING).contains(&data.clean.capacity()));
    }

    proptest! {
        #[test]
        fn bits_written_are_bits_read(fields in prop::collection::vec((any::<u32>(), 1_u32..=32), 0..200)) {
            let mut writer = BitWriter::default();
            for &(bits, count) in &fields {
                writer.put(bits >> (32 - count), count);
            }
            let bytes = writer.finish();
            let mut data = EntropyData::default();
            data.load(&bytes, 0, |code| code != 0).unwrap();
            prop_assert_eq!(data.end(), bytes.len());
            let mut reader = data.bits();
            for &(bits, count) in &fields {
                reader.refill();
                prop_assert_eq!(reader.peek(count), bits >> (32 - count));
                reader.consume(count);
            }
            prop_assert_eq!(reader.consumed_bytes(), data.len());
        }

        #[test]
        fn no_marker_arises_inside_the_data(words in prop::collection::vec(prop_oneof![Just(u32::MAX), any::<u32>()], 0..50)) {
            let mut writer = BitWriter::default();
            for &word in &words {
                writer.put(word, 32);
            }
            let bytes = writer.finish();
            for pair in bytes.windows(2) {
                prop_assert!(pair[0] != 0xFF || pair[1] == 0);
            }
        }
    }
}
