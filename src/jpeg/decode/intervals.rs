//! Short restart intervals decoded on several threads: markers tell where they start, so that nothing is guessed.
//!
//! As with [waves](super::waves) of longer ones, only what the sequential decoder would decode is handed on: all
//! intervals before the first that is odd, and before the last of the scan.

use std::mem;

use memchr::memchr_iter;
use rayon::prelude::*;

use super::super::bits::{EntropyData, WINDOW};
use super::super::marker;
use super::scan::{Faults, Place, Refuse, number_after};
use super::speculation::{Chunk, McuLayout};
use super::wave::Wave;
use super::waves::{Waves, take_waves};

/// Consecutive intervals for one chunk.
#[derive(Debug)]
struct Group {
    /// Position in the input of the first one, and then of the first that was not decoded.
    position: usize,
    /// Number of the restart marker that ends the latter.
    number: u8,
    /// Intervals to be decoded.
    count: usize,
    decoded: usize,
}

impl Waves {
    /// Decodes whole intervals from a place and its position in the input, where intervals are short; both move on.
    /// `take` is handed one wave after the other, while the next one is decoded.
    pub(super) fn decode_intervals(
        &mut self,
        layout: &McuLayout<'_>,
        input: &[u8],
        position: &mut usize,
        place: &mut Place,
        take: impl FnMut(&Wave) + Send,
    ) {
        let pace = *self.pace();
        let blocks = place.interval.saturating_mul(layout.blocks() as u64);
        if place.interval >= place.total || self.is_worth_waves(blocks) {
            return;
        }
        // Fewer than two chunks have.
        #[expect(clippy::cast_possible_truncation, reason = "shown above")]
        let (blocks, mcus) = (blocks as usize, place.interval as usize);
        let most = (pace.blocks / blocks).max(1);
        take_waves(
            self.memory(),
            |wave| {
                wave.begin(place.first);
                let mut groups = groups(input, *position, place, pace.chunks, most);
                wave.chunks_mut()
                    .par_iter_mut()
                    .zip(&mut groups)
                    .with_max_len(1)
                    .for_each(|(chunk, group)| group.decode(chunk, layout, input, blocks));
                let mut decoded = 0;
                for group in &groups {
                    wave.add_whole_chunk();
                    decoded += group.decoded;
                    *position = group.position;
                    if group.decoded < group.count {
                        break;
                    }
                }
                wave.finish((decoded * mcus) as u64);
                place.advance(decoded);
            },
            take,
        );
    }
}

/// The next intervals in groups, but for the last of the scan.
fn groups(
    input: &[u8],
    mut position: usize,
    place: &Place,
    most_groups: usize,
    most_intervals: usize,
) -> Vec<Group> {
    let mut groups = Vec::with_capacity(most_groups);
    let mut number = place.number;
    let mut left = (place.total - place.first).div_ceil(place.interval);
    while groups.len() < most_groups && left > 1 {
        let count =
            usize::try_from(left - 1).map_or(most_intervals, |left| left.min(most_intervals));
        groups.push(Group {
            position,
            number,
            count,
            decoded: 0,
        });
        left -= count as u64;
        let rest = input.get(position..).unwrap_or(&[]);
        let mut ends = memchr_iter(0xFF, rest)
            .filter(|&index| rest.get(index + 1).is_some_and(|&code| code != 0))
            .take(count);
        // Whether these are the markers to be is seen when the data before them are decoded.
        let Some(end) = ends.nth(count - 1) else {
            break;
        };
        position += end + 2;
        number = number_after(number, count);
    }
    groups
}

impl Group {
    fn decode(&mut self, chunk: &mut Chunk, layout: &McuLayout<'_>, input: &[u8], blocks: usize) {
        chunk.clear();
        let memory = mem::take(&mut chunk.clean);
        let mut data = EntropyData::new(input, Refuse::ends_data, WINDOW, memory);
        while self.decoded < self.count {
            let kept = chunk.blocks.len();
            if data.load(self.position).is_err() {
                break;
            }
            let used = chunk.read_interval(layout, &mut data, blocks);
            data.finish();
            let marker = [0xFF, marker::RST0 + self.number];
            if used != Some(data.len()) || input.get(data.end()..data.end() + 2) != Some(&marker) {
                chunk.blocks.truncate(kept);
                break;
            }
            self.position = data.end() + 2;
            self.number = number_after(self.number, 1);
            self.decoded += 1;
        }
        chunk.clean = data.into_memory();
    }
}
