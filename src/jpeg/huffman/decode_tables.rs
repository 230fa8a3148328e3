//! Decoding tables that outlive their scan: most files, and many scans of a file, use the same ones.

use std::sync::{Arc, LazyLock};

use super::{DecodeTable, HuffmanSpec, Sizes, SymbolClass};

/// The tables of T.81 K.3 for samples of 8 bits, which most files have.
static STANDARD: LazyLock<[Arc<DecodeTable>; 4]> = LazyLock::new(|| {
    let table = |spec: HuffmanSpec, class| {
        let table = DecodeTable::new(&spec, class, Sizes::EightBit);
        Arc::new(table)
    };
    [
        table(HuffmanSpec::standard_dc(false), SymbolClass::Dc),
        table(HuffmanSpec::standard_dc(true), SymbolClass::Dc),
        table(HuffmanSpec::standard_ac(false), SymbolClass::SequentialAc),
        table(HuffmanSpec::standard_ac(true), SymbolClass::SequentialAc),
    ]
});

/// The decoding tables that were asked for last, by class and destination.
///
/// One that is asked for again is there already; another one takes its memory, unless it is still in use.
#[derive(Debug, Default)]
pub(in crate::jpeg) struct DecodeTables {
    dc: [Option<Arc<DecodeTable>>; 4],
    ac: [Option<Arc<DecodeTable>>; 4],
}

impl DecodeTables {
    /// The table of a specification that is in force at a destination, 0 to 3.
    pub(in crate::jpeg) fn table(
        &mut self,
        destination: u8,
        spec: &HuffmanSpec,
        class: SymbolClass,
        sizes: Sizes,
    ) -> Arc<DecodeTable> {
        let standard = STANDARD.iter();
        if let Some(table) = standard
            .filter(|_| sizes == Sizes::EightBit)
            .find(|table| table.is_of(spec, class, sizes))
        {
            return Arc::clone(table);
        }
        let tables = match class {
            SymbolClass::Dc => &mut self.dc,
            _ => &mut self.ac,
        };
        let slot = &mut tables[usize::from(destination)];
        if let Some(table) = slot {
            if table.is_of(spec, class, sizes) {
                return Arc::clone(table);
            }
            if let Some(unused) = Arc::get_mut(table) {
                unused.rebuild(spec, class, sizes);
                return Arc::clone(table);
            }
        }
        Arc::clone(slot.insert(Arc::new(DecodeTable::new(spec, class, sizes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_built_once_and_its_memory_is_used_again_when_no_scan_holds_it() {
        // No standard table, which are there from the start.
        let [luminance, chrominance] = [1, 2].map(|symbol| {
            let mut counts = [0; 16];
            counts[1] = 1;
            HuffmanSpec::new(counts, &[symbol]).unwrap()
        });
        let mut tables = DecodeTables::default();
        let mut ask = |destination, spec| {
            tables.table(
                destination,
                spec,
                SymbolClass::SequentialAc,
                Sizes::EightBit,
            )
        };
        let first = ask(1, &luminance);
        assert!(Arc::ptr_eq(&first, &ask(1, &luminance)));
        assert!(!Arc::ptr_eq(&first, &ask(0, &luminance)));
        // Held: the other one is apart from it.
        let second = ask(1, &chrominance);
        assert!(first.is_of(&luminance, SymbolClass::SequentialAc, Sizes::EightBit));
        assert!(second.is_of(&chrominance, SymbolClass::SequentialAc, Sizes::EightBit));
        let memory = Arc::as_ptr(&second);
        drop(second);
        let third = ask(1, &luminance);
        assert_eq!(Arc::as_ptr(&third), memory);
        assert_eq!(third, first);
    }

    #[test]
    fn standard_tables_are_built_once_for_all() {
        for spec in [false, true].map(HuffmanSpec::standard_ac) {
            let [one, other] = [0, 3].map(|destination| {
                let mut tables = DecodeTables::default();
                let class = SymbolClass::SequentialAc;
                tables.table(destination, &spec, class, Sizes::EightBit)
            });
            assert!(Arc::ptr_eq(&one, &other));
        }
    }

    #[test]
    fn tables_of_the_same_symbols_differ_by_class_and_sizes() {
        let spec = HuffmanSpec::standard_ac(false);
        let mut tables = DecodeTables::default();
        for class in [
            SymbolClass::Dc,
            SymbolClass::SequentialAc,
            SymbolClass::ProgressiveAc,
            SymbolClass::RefinementAc,
        ] {
            for sizes in [Sizes::EightBit, Sizes::TwelveBit, Sizes::Any] {
                let found = tables.table(0, &spec, class, sizes);
                assert_eq!(*found, DecodeTable::new(&spec, class, sizes));
            }
        }
    }
}
