//! The best table for given symbols (T.81 K.2).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::HuffmanSpec;

impl HuffmanSpec {
    /// The optimal table for symbols of these frequencies, by the procedure of T.81 K.2.
    pub(in crate::jpeg) fn optimal(frequencies: &[u64; 256]) -> Self {
        let lengths = code_lengths(frequencies);
        let mut bits = [0_u32; 257];
        for &length in lengths.iter().filter(|&&length| length > 0) {
            bits[usize::from(length)] += 1;
        }
        limit_to_16_bits(&mut bits);
        // Symbol 256, in the longest length, reserved the all-ones code; it goes now.
        if let Some(longest) = (1..=16).rev().find(|&length| bits[length] > 0) {
            bits[longest] -= 1;
        }
        let mut counts = [0; 16];
        for (count, &number) in counts.iter_mut().zip(&bits[1..=16]) {
            *count = u8::try_from(number).unwrap_or(u8::MAX);
        }
        let mut symbols: Vec<u8> = (0..=255)
            .filter(|&symbol| lengths[usize::from(symbol)] > 0)
            .collect();
        symbols.sort_by_key(|&symbol| lengths[usize::from(symbol)]);
        Self::from_parts(counts, &symbols)
    }
}

/// Code length of each symbol and of the reserved symbol 256 (T.81 figure K.1).
fn code_lengths(frequencies: &[u64; 256]) -> [u16; 257] {
    // The lightest tree is on top; of equals the one of the larger symbol. Two that are joined count as
    // that of the lighter one's symbol. Nodes are numbered: symbols first, then joints in their order.
    let symbols = frequencies.iter().copied().chain([1]).enumerate();
    let mut trees: BinaryHeap<(Reverse<u64>, usize, usize)> = symbols
        .filter(|&(_, frequency)| frequency > 0)
        .map(|(symbol, frequency)| (Reverse(frequency), symbol, symbol))
        .collect();
    let mut parents = [0; 2 * 257];
    let mut root = 256;
    while let (Some(first), Some(second)) = (trees.pop(), trees.pop()) {
        root += 1;
        parents[first.2] = root;
        parents[second.2] = root;
        trees.push((Reverse(first.0.0 + second.0.0), first.1, root));
    }
    let mut depths = [0_u16; 2 * 257];
    for node in (0..root).rev().filter(|&node| parents[node] > 0) {
        depths[node] = depths[parents[node]] + 1;
    }
    let mut lengths = [0; 257];
    lengths.copy_from_slice(&depths[..257]);
    lengths
}

/// Shortens codes of more than 16 bits (T.81 figure K.3).
///
/// Two codes of the longest length share a prefix: it becomes the code of one of them, and the
/// other takes half of a shorter code, which grows by one bit.
fn limit_to_16_bits(bits: &mut [u32; 257]) {
    for length in (17..=256).rev() {
        while bits[length] > 0 {
            let Some(shorter) = (1..length - 1).rev().find(|&shorter| bits[shorter] > 0) else {
                break;
            };
            bits[length] -= 2;
            bits[length - 1] += 1;
            bits[shorter + 1] += 2;
            bits[shorter] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// T.81 figure K.1 to the letter.
    fn code_lengths_by_figure(frequencies: &[u64; 256]) -> [u16; 257] {
        let mut weight = [0_u64; 257];
        for (weight, &frequency) in weight.iter_mut().zip(frequencies) {
            *weight = frequency;
        }
        weight[256] = 1;
        let mut length = [0_u16; 257];
        // Symbols merged into one tree are chained through `next`.
        let mut next = [None::<usize>; 257];
        // The lighter of two trees; of equals the one of the larger symbol.
        let lightest = |weight: &[u64; 257], except: Option<usize>| {
            (0..257)
                .rev()
                .filter(|&index| weight[index] > 0 && Some(index) != except)
                .min_by_key(|&index| weight[index])
        };
        while let Some(first) = lightest(&weight, None) {
            let Some(second) = lightest(&weight, Some(first)) else {
                break;
            };
            weight[first] += weight[second];
            weight[second] = 0;
            let mut symbol = first;
            loop {
                length[symbol] += 1;
                match next[symbol] {
                    Some(following) => symbol = following,
                    None => break,
                }
            }
            next[symbol] = Some(second);
            let mut chained = Some(second);
            while let Some(symbol) = chained {
                length[symbol] += 1;
                chained = next[symbol];
            }
        }
        length
    }

    #[test]
    fn the_optimal_code_of_one_symbol_is_one_bit() {
        let mut frequencies = [0; 256];
        frequencies[7] = 100;
        let spec = HuffmanSpec::optimal(&frequencies);
        assert_eq!((spec.counts[0], spec.symbols()), (1, [7].as_slice()));
        assert_eq!(HuffmanSpec::optimal(&[0; 256]).symbols(), []);
    }

    #[test]
    fn fibonacci_frequencies_are_held_to_16_bits() {
        let mut frequencies = [0; 256];
        let (mut a, mut b) = (1_u64, 1_u64);
        for frequency in &mut frequencies[..40] {
            *frequency = a;
            (a, b) = (b, a + b);
        }
        let spec = HuffmanSpec::optimal(&frequencies);
        assert_eq!(spec.symbols().len(), 40);
        assert_eq!(HuffmanSpec::new(spec.counts, spec.symbols()), Ok(spec));
    }

    proptest! {
        #[test]
        fn code_lengths_are_those_of_the_figure(counts in prop::collection::vec(prop_oneof![Just(0), 1_u64..4, 1_u64..1 << 40], 256)) {
            let mut frequencies = [0; 256];
            frequencies.copy_from_slice(&counts);
            prop_assert_eq!(code_lengths(&frequencies), code_lengths_by_figure(&frequencies));
        }
    }
}
