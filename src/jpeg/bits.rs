//! Entropy-coded data as bits: byte stuffing undone, MSB first (T.81 B.1.1.5, F.2.2.5).

use crate::error::Result;
use crate::limits::try_reserve;

/// Zero bytes after the data, so that a refill near the end reads zeros and never past the buffer.
const PADDING: usize = 16;

/// Clean bytes that a reader finds before it, unless the data end earlier: a block has at most 64 symbols of 31
/// bits, value included, and a refill looks at eight bytes.
pub(super) const AHEAD: usize = 64 * 31 / 8 + 16;

/// Clean bytes that are held of data which are read block by block: enough to make the visits of
/// [`EntropyData::advance`] rare, and few enough to stay in the first-level cache.
pub(super) const WINDOW: usize = 8192;

/// The bytes between two markers of a scan, with stuffing removed: all of them, or those that come next.
#[derive(Debug)]
pub(super) struct EntropyData<'i> {
    input: &'i [u8],
    /// De-stuffed bytes, and behind the last of them [`PADDING`] zeros.
    clean: Vec<u8>,
    /// Clean bytes that are no longer held.
    dropped: usize,
    /// Clean bytes to be held at a time.
    window: usize,
    /// Position in the input of the first byte.
    start: usize,
    /// Position in the input of the first byte that is not yet de-stuffed; where the data end, of the first
    /// byte after, the 0xFF of a marker or the end of input.
    next: usize,
    is_complete: bool,
    /// Whether a code after 0xFF ends the data.
    ends: fn(u8) -> bool,
    /// Position in the input and value of the first code after 0xFF that is neither a stuffed zero nor an end.
    damaged_stuffing: Option<(usize, u8)>,
}

impl<'i> EntropyData<'i> {
    /// No data yet, and memory for the clean ones, of which a `window` is held at a time.
    ///
    /// The data end before the first code after 0xFF that `ends` them; others count as damaged stuffing. Where
    /// 0xFF itself ends no data, several of it are one byte, as in libjpeg, if the code behind them does not end it.
    pub(super) fn new(
        input: &'i [u8],
        ends: fn(u8) -> bool,
        window: usize,
        mut memory: Vec<u8>,
    ) -> Self {
        memory.clear();
        Self {
            input,
            clean: memory,
            dropped: 0,
            window,
            start: 0,
            next: 0,
            is_complete: false,
            ends,
            damaged_stuffing: None,
        }
    }

    /// The memory of the clean bytes, for other data.
    pub(super) fn into_memory(self) -> Vec<u8> {
        self.clean
    }

    /// Bytes that are held of `length` bytes of input.
    pub(super) const fn memory(length: usize, window: usize) -> usize {
        (if length < window { length } else { window }) + PADDING
    }

    /// Replaces the content by the entropy-coded data at `start`.
    ///
    /// Room for the window, or for what is left of the input, is reserved once: later calls for data
    /// further on find room enough.
    pub(super) fn load(&mut self, start: usize) -> Result<()> {
        self.clean.clear();
        self.dropped = 0;
        (self.start, self.next) = (start, start);
        self.is_complete = false;
        self.damaged_stuffing = None;
        let longest = Self::memory(self.input.len().saturating_sub(start), self.window);
        if self.clean.capacity() < longest {
            try_reserve(&mut self.clean, longest)?;
        }
        self.fill();
        Ok(())
    }

    /// De-stuffs what the window has room for.
    fn fill(&mut self) {
        let input = self.input;
        while !self.is_complete {
            let room = self.window.saturating_sub(self.clean.len());
            if room == 0 {
                return;
            }
            let rest = input.get(self.next..).unwrap_or(&[]);
            let near = &rest[..rest.len().min(room)];
            let Some(offset) = memchr::memchr(0xFF, near) else {
                self.clean.extend_from_slice(near);
                self.next += near.len();
                self.is_complete = near.len() == rest.len();
                continue;
            };
            self.clean.extend_from_slice(&near[..offset]);
            self.next += offset;
            self.code(&rest[offset + 1..]);
        }
        self.clean.extend_from_slice(&[0; PADDING]);
    }

    /// Takes a byte 0xFF with the code `behind` it, or ends the data before it.
    #[inline(always)]
    fn code(&mut self, behind: &[u8]) {
        let ends = self.ends;
        // Fill bytes of a marker, or data that were damaged.
        let repeats = behind.iter().take_while(|&&byte| byte == 0xFF).count();
        let is_data = |&code: &u8| !ends(code) && (repeats == 0 || !ends(0xFF));
        let Some(code) = behind.get(repeats).copied().filter(is_data) else {
            self.is_complete = true;
            return;
        };
        if repeats > 0 || code != 0 {
            self.damaged_stuffing
                .get_or_insert((self.next + 1, behind[0]));
        }
        self.clean.push(0xFF);
        self.next += 1 + repeats + 1;
    }

    /// Drops what a reader has read, and de-stuffs as much anew.
    #[cold]
    #[inline(never)]
    fn advance(&mut self, place: &mut BitPlace) {
        self.clean.copy_within(place.next.., 0);
        self.clean.truncate(self.clean.len() - place.next);
        self.dropped += place.next;
        place.next = 0;
        self.fill();
        place.end = self.dropped + self.clean.len();
    }

    /// Goes to the end of the data: [`end`](Self::end) and [`len`](Self::len) are known then.
    pub(super) fn finish(&mut self) {
        while !self.is_complete {
            self.dropped += self.clean.len();
            self.clean.clear();
            self.fill();
        }
    }

    pub(super) const fn damaged_stuffing(&self) -> Option<(usize, u8)> {
        self.damaged_stuffing
    }

    /// Position in the input of the marker that ends the data, or the length of the input.
    pub(super) const fn end(&self) -> usize {
        self.next
    }

    /// A reader of all data, where the window has them.
    pub(super) fn bits(&self) -> BitReader<'_> {
        BitReader::at(&self.clean, &self.first())
    }

    /// The place of the first bit.
    pub(super) const fn first(&self) -> BitPlace {
        BitPlace {
            next: 0,
            end: self.clean.len(),
            buffer: 0,
            available: 0,
        }
    }

    /// Clean bytes with all that a block can take; the window moves on where it has fewer.
    #[inline(always)]
    pub(super) fn ahead(&mut self, place: &mut BitPlace) -> &[u8] {
        if self.clean.len() < place.next + AHEAD && !self.is_complete {
            self.advance(place);
        }
        &self.clean
    }

    /// The clean bytes that are held, as [`BitReader::at`] reads them.
    #[cfg(feature = "rayon")]
    pub(super) fn held(&self) -> &[u8] {
        &self.clean
    }

    /// Bytes of data that are held.
    #[cfg(feature = "rayon")]
    pub(super) fn held_bytes(&self) -> usize {
        self.clean.len() - if self.is_complete { PADDING } else { 0 }
    }

    /// Whether the data end in the window.
    #[cfg(feature = "rayon")]
    pub(super) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Bytes of input that are not yet de-stuffed.
    #[cfg(feature = "rayon")]
    pub(super) const fn ahead_of_window(&self) -> usize {
        self.input.len().saturating_sub(self.next)
    }

    /// Lets the window begin at a place, and fills it.
    #[cfg(feature = "rayon")]
    pub(super) fn begin_at(&mut self, place: &mut BitPlace) {
        if self.is_complete {
            return;
        }
        let bit = place.held_bits_read(self);
        place.next = bit / 8;
        self.advance(place);
        *place = self.place_at(bit % 8);
    }

    /// The place behind some bits of those that are held.
    #[cfg(feature = "rayon")]
    pub(super) fn place_at(&self, bit: usize) -> BitPlace {
        let place = BitPlace {
            next: (bit / 8).min(self.clean.len()),
            end: self.dropped + self.clean.len(),
            buffer: 0,
            available: 0,
        };
        let mut bits = BitReader::at(&self.clean, &place);
        bits.refill();
        #[expect(clippy::cast_possible_truncation, reason = "below 8")]
        bits.consume((bit % 8) as u32);
        bits.place(&self.clean)
    }

    /// The data, without padding, where the window has them.
    pub(super) fn clean_bytes(&self) -> &[u8] {
        &self.clean[..self.clean.len() - PADDING]
    }

    /// Bytes of data, without padding.
    pub(super) fn len(&self) -> usize {
        self.dropped + self.clean.len() - PADDING
    }

    /// Position in the input of the clean byte at `index`.
    pub(super) fn input_position(&self, index: usize) -> usize {
        let (input, end) = (self.input, self.next);
        let mut position = self.start;
        for _ in 0..index {
            if position >= end {
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
        position.min(end)
    }
}

/// Where a reader stands between two blocks, in data whose window may move on.
#[derive(Debug, Clone, Default)]
pub(super) struct BitPlace {
    /// Index of the next clean byte to be loaded.
    next: usize,
    /// As in [`BitReader`].
    end: usize,
    buffer: u64,
    available: u32,
}

impl BitPlace {
    /// As [`BitReader::consumed_bytes`].
    pub(super) const fn consumed_bytes(&self, data: &EntropyData<'_>) -> usize {
        self.end - (data.clean.len() - self.next) - (self.available / 8) as usize
    }

    /// Bits that have been read of those that `data` hold; more than there are past the end.
    #[cfg(feature = "rayon")]
    #[inline(always)]
    pub(super) const fn held_bits_read(&self, data: &EntropyData<'_>) -> usize {
        let bytes = self.end - data.dropped - (data.clean.len() - self.next);
        bytes * 8 - self.available as usize
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

impl<'a> BitReader<'a> {
    /// Goes on from a place in clean bytes.
    #[inline(always)]
    pub(super) fn at(clean: &'a [u8], place: &BitPlace) -> Self {
        Self {
            rest: clean.get(place.next..).unwrap_or(&[]),
            end: place.end,
            buffer: place.buffer,
            available: place.available,
        }
    }

    /// The place that is reached in the clean bytes.
    #[inline(always)]
    pub(super) const fn place(&self, clean: &[u8]) -> BitPlace {
        BitPlace {
            next: clean.len() - self.rest.len(),
            end: self.end,
            buffer: self.buffer,
            available: self.available,
        }
    }

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

#[cfg(test)]
impl<'i> EntropyData<'i> {
    /// All data at the start of an input.
    pub(super) fn of(input: &'i [u8]) -> Self {
        let mut data = Self::new(input, |code| code != 0, usize::MAX, Vec::new());
        data.load(0).unwrap();
        data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All data at `start`.
    fn loaded(input: &[u8], start: usize, ends: fn(u8) -> bool) -> EntropyData<'_> {
        let mut data = EntropyData::new(input, ends, usize::MAX, Vec::new());
        data.load(start).unwrap();
        data
    }

    #[test]
    fn stuffing_is_removed_up_to_the_marker() {
        let input = [9, 1, 0xFF, 0, 2, 0xFF, 0xD9, 7];
        let data = loaded(&input, 1, |code| code != 0);
        assert_eq!(data.clean_bytes(), [1, 0xFF, 2]);
        assert_eq!(data.end(), 5);
        assert_eq!(
            [0, 1, 2, 3, 9].map(|index| data.input_position(index)),
            [1, 2, 4, 5, 5]
        );
    }

    #[test]
    fn bytes_that_look_like_fill_are_a_byte_of_data_where_no_marker_follows() {
        let input = [1, 0xFF, 0xFF, 0xFF, 0, 2, 0xFF, 0xFF, 0xD9];
        let data = loaded(&input, 0, |code| (0xC0..0xFF).contains(&code));
        assert_eq!(data.clean_bytes(), [1, 0xFF, 2]);
        assert_eq!(data.end(), 6);
        assert_eq!(data.damaged_stuffing(), Some((2, 0xFF)));
        assert_eq!(
            [0, 1, 2, 3].map(|index| data.input_position(index)),
            [0, 1, 5, 6]
        );
        let data = EntropyData::of(&input);
        assert_eq!((data.clean_bytes(), data.end()), ([1].as_slice(), 1));
    }

    #[test]
    fn reading_past_the_end_yields_zeros_and_is_noticed() {
        let data = EntropyData::of(&[0xA5]);
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
        let data = loaded(&[7; 1000], 100, |code| code != 0);
        assert!((900 + PADDING..=1000 + PADDING).contains(&data.clean.capacity()));
    }

    proptest! {
        #[test]
        fn a_window_shows_the_bits_of_all_data(
            bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(0xFF), 1 => Just(0)], 0..3000),
            fields in prop::collection::vec(1_u32..=27, 0..1200),
            window in AHEAD..2 * AHEAD,
        ) {
            let whole = EntropyData::of(&bytes);
            let mut data = EntropyData::new(&bytes, |code| code != 0, window, Vec::new());
            data.load(0).unwrap();
            let (mut expected, mut place) = (whole.bits(), data.first());
            for block in fields.chunks(64) {
                let clean = data.ahead(&mut place);
                let mut bits = BitReader::at(clean, &place);
                for &count in block {
                    expected.refill();
                    bits.refill();
                    prop_assert_eq!(bits.take(count), expected.take(count));
                    prop_assert_eq!(bits.consumed_bytes(), expected.consumed_bytes());
                }
                place = bits.place(clean);
                prop_assert_eq!(place.consumed_bytes(&data), expected.consumed_bytes());
            }
            prop_assert!(data.clean.capacity() <= EntropyData::memory(bytes.len(), window).max(8));
            data.finish();
            prop_assert_eq!((data.end(), data.len()), (whole.end(), whole.len()));
            for index in [0, 1, bytes.len() / 2, bytes.len()] {
                prop_assert_eq!(data.input_position(index), whole.input_position(index));
            }
        }
    }
}
