//! Bits to entropy-coded data: MSB first, byte stuffing done (T.81 B.1.1.5, F.1.2.3).

/// Writes bits, stuffing a zero byte after each 0xFF.
#[derive(Debug)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The next bytes before they are stuffed.
    clean: Box<[u8; CLEAN + 8]>,
    end: End,
}

/// Where a [`BitWriter`] has come to.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    /// Number of clean bytes.
    len: usize,
    /// The last bits; more than are pending, where higher ones stand in bytes already.
    buffer: u64,
    /// Bits that stand in no byte yet, below 8 where they are settled.
    pending: u32,
}

/// Clean bytes that are held at most; a power of two.
const CLEAN: usize = 8192;

impl Default for BitWriter {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl BitWriter {
    /// Bits between two settlings, at most: with 7 that are pending they fill the buffer.
    pub(super) const MOST: u32 = 57;
    /// Bytes of one [`fields`](Self::fields), at most.
    pub(super) const ROOM: usize = 1024;

    /// Appends to bytes that are already there.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            clean: Box::new([0; CLEAN + 8]),
            end: End::default(),
        }
    }

    /// Writes the low `count` bits of `bits`, at most 32; higher bits must be zero.
    #[cfg(test)]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        let mut fields = self.fields();
        fields.put(bits, count);
        fields.settle();
        fields.finish();
    }

    /// Room for up to [`ROOM`](Self::ROOM) bytes of fields.
    #[inline(always)]
    pub(super) fn fields(&mut self) -> Fields<'_> {
        if self.end.len > CLEAN - Self::ROOM {
            self.stuff();
        }
        Fields {
            clean: &mut self.clean,
            end: self.end,
            finished: &mut self.end,
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
        let mut fields = self.fields();
        let missing = fields.end.pending.wrapping_neg() % 8;
        fields.put((1 << missing) - 1, missing);
        fields.settle();
        fields.finish();
        self.stuff();
    }

    /// Hands the clean bytes on.
    #[inline(never)]
    fn stuff(&mut self) {
        let mut rest = &self.clean[..self.end.len];
        while let Some(index) = memchr::memchr(0xFF, rest) {
            let (stuffed, behind) = rest.split_at(index + 1);
            self.bytes.extend_from_slice(stuffed);
            self.bytes.push(0);
            rest = behind;
        }
        self.bytes.extend_from_slice(rest);
        self.end.len = 0;
    }
}

/// Bits at the end of a [`BitWriter`]; they count when they are finished.
#[derive(Debug)]
pub(super) struct Fields<'w> {
    clean: &'w mut [u8; CLEAN + 8],
    end: End,
    finished: &'w mut End,
}

impl Fields<'_> {
    /// Appends the low `count` bits of `bits`; higher ones must be zero.
    #[inline(always)]
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        debug_assert!(count <= 32 && u64::from(bits) >> count == 0);
        self.end.buffer = self.end.buffer << (count & 63) | u64::from(bits);
        self.end.pending += count;
    }

    /// Makes bytes of the bits, at most [`BitWriter::MOST`] since the last time.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        let End {
            len,
            buffer,
            pending,
        } = self.end;
        debug_assert!(pending <= 64 && len < CLEAN, "{pending} bits, {len} bytes");
        // There is room, so that the remainder changes nothing; it spares a check. Where no bits are pending
        // the bytes are none yet, whatever they are.
        let next = len % CLEAN;
        let bytes = buffer
            .wrapping_shl(64_u32.wrapping_sub(pending))
            .to_be_bytes();
        self.clean[next..next + 8].copy_from_slice(&bytes);
        self.end.len = len + (pending / 8) as usize;
        self.end.pending = pending % 8;
    }

    /// Has them count; they must be settled.
    #[inline(always)]
    pub(super) fn finish(self) {
        debug_assert!(self.end.pending < 8);
        *self.finished = self.end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bits::EntropyData;
    use super::*;

    proptest! {
        #[test]
        fn bits_written_are_bits_read(fields in prop::collection::vec((any::<u32>(), 1_u32..=32), 0..200)) {
            let mut writer = BitWriter::default();
            for &(bits, count) in &fields {
                writer.put(bits >> (32 - count), count);
            }
            let bytes = writer.finish();
            let data = EntropyData::of(&bytes);
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
