//! One scan: its tables, its header and its entropy-coded data (T.81 B.2.3).

use crate::coefficients::{EntropyCoding, Scan};
use crate::error::{ArgumentError, Result};
use crate::vectors::Vectors;

use super::super::arithmetic::Conditioning;
use super::super::huffman::HuffmanSpec;
use super::super::marker;
use super::arithmetic::ArithmeticCoder;
use super::huffman::{HuffmanSpecs, Recorder, TablePair, Writer};
use super::progressive::{AcFirst, AcRefinement, DcFirst, DcRefinement};
use super::sequential::send_sequential;
use super::standard::StandardWriter;
use super::tokens::{TokenQueue, TokenSink};
use super::walk::Walk;
use super::{Encoder, HuffmanTables, StreamFormat, low_byte};

impl Encoder<'_> {
    pub(super) fn scan(&mut self, scan: &Scan) -> Result<()> {
        let walk = Walk::new(self.image, scan, self.options.restart_interval);
        let pairs = TablePair::of_scan(self.image.color_space(), scan);
        match self.options.entropy_coding {
            EntropyCoding::Huffman => self.huffman_scan(scan, &walk, pairs),
            EntropyCoding::Arithmetic => self.arithmetic_scan(scan, &walk, pairs),
        }
    }

    fn huffman_scan(&mut self, scan: &Scan, walk: &Walk<'_>, pairs: [TablePair; 4]) -> Result<()> {
        let mut recording = None;
        let specs = match self.plan.huffman_tables {
            HuffmanTables::Standard => HuffmanSpecs::standard(),
            HuffmanTables::Optimized => {
                let mut recorder = Recorder::new(64 * walk.blocks());
                self.symbols(scan, walk, pairs, &mut recorder)?;
                let specs = recorder.optimal();
                recording = recorder.into_recording();
                specs
            }
        };
        self.huffman_tables(scan, pairs, &specs)?;
        if self.options.format == StreamFormat::TableSpecification {
            return Ok(());
        }
        self.restart_interval(walk)?;
        self.scan_header(scan, pairs)?;
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = match (self.plan.huffman_tables, recording) {
            (HuffmanTables::Standard, _) => {
                let mut writer = StandardWriter::new(bytes);
                let bounds = self.plan.bounds;
                send_sequential(walk, pairs, bounds, &mut writer, Vectors::detected())?;
                writer.finish()
            }
            (HuffmanTables::Optimized, Some(recording)) => {
                let mut writer = Writer::new(bytes, &specs);
                recording.replay(&mut writer);
                writer.finish()
            }
            (HuffmanTables::Optimized, None) => {
                let mut writer = Writer::new(bytes, &specs);
                self.symbols(scan, walk, pairs, &mut writer)?;
                writer.finish()
            }
        };
        Ok(())
    }

    fn arithmetic_scan(
        &mut self,
        scan: &Scan,
        walk: &Walk<'_>,
        pairs: [TablePair; 4],
    ) -> Result<()> {
        if self.options.format == StreamFormat::TableSpecification {
            // What DAC tells ends with the stream (T.81 B.2.4.3).
            return Ok(());
        }
        let conditioning = Conditioning::default();
        let used = pairs.map(|pair| pair as u8);
        let used = &used[..scan.components().len()];
        let in_use = |needed| if needed { used } else { &[] };
        let payload =
            conditioning.payload(in_use(needs_dc_table(scan)), in_use(needs_ac_table(scan)));
        if !payload.is_empty() {
            // The values of the start of a file, told all the same, as libjpeg does.
            self.segment(marker::DAC, &payload)?;
        }
        self.restart_interval(walk)?;
        self.scan_header(scan, pairs)?;
        let bytes = std::mem::take(&mut self.bytes);
        let mut coder = ArithmeticCoder::new(bytes, scan, pairs, &conditioning);
        walk.visit(&mut coder)?;
        self.bytes = coder.into_bytes();
        Ok(())
    }

    /// Sends the symbols of a scan to a sink.
    fn symbols(
        &self,
        scan: &Scan,
        walk: &Walk<'_>,
        pairs: [TablePair; 4],
        sink: &mut dyn TokenSink,
    ) -> Result<()> {
        let bounds = self.plan.bounds;
        let mut queue = TokenQueue::new(sink);
        let first = scan.high() == 0;
        match *scan.zigzag_range().start() {
            _ if scan.is_sequential() => {
                send_sequential(walk, pairs, bounds, &mut queue, Vectors::detected())
            }
            0 if first => walk.visit(&mut DcFirst::new(queue, pairs, scan, bounds)),
            0 => walk.visit(&mut DcRefinement::new(queue, scan)),
            _ if first => walk.visit(&mut AcFirst::new(queue, pairs, scan, bounds)),
            _ => walk.visit(&mut AcRefinement::new(queue, pairs, scan)),
        }
    }

    /// Sends the tables of a scan that the reader has not.
    fn huffman_tables(
        &mut self,
        scan: &Scan,
        pairs: [TablePair; 4],
        specs: &HuffmanSpecs,
    ) -> Result<()> {
        if self.plan.huffman_tables == HuffmanTables::Optimized
            && self.options.format == StreamFormat::Interchange
        {
            // Each scan has its own, as in libjpeg's files, even where one equals that of a scan before.
            self.huffman = [const { [None, None] }; 2];
        }
        for &pair in &pairs[..scan.components().len()] {
            if needs_dc_table(scan) {
                self.huffman_table(0, pair, &specs.dc[pair as usize])?;
            }
            if needs_ac_table(scan) {
                self.huffman_table(1, pair, &specs.ac[pair as usize])?;
            }
        }
        Ok(())
    }

    fn huffman_table(&mut self, class: u8, pair: TablePair, spec: &HuffmanSpec) -> Result<()> {
        let destination = pair as u8;
        let held = &mut self.huffman[usize::from(class)][usize::from(destination)];
        if held.as_ref() == Some(spec) {
            return Ok(());
        }
        if held.is_some() && self.options.format != StreamFormat::Interchange {
            return Err(ArgumentError::TableRedefined {
                class: "Huffman",
                destination,
            }
            .into());
        }
        *held = Some(spec.clone());
        if self.options.format == StreamFormat::AbbreviatedImage {
            return Ok(());
        }
        let mut payload = vec![class << 4 | destination];
        payload.extend(spec.counts());
        payload.extend(spec.symbols());
        self.segment(marker::DHT, &payload)
    }

    /// Tells the restart interval of a scan where it is another than before.
    fn restart_interval(&mut self, walk: &Walk<'_>) -> Result<()> {
        if walk.interval() == self.restart_interval {
            return Ok(());
        }
        self.restart_interval = walk.interval();
        self.segment(marker::DRI, &walk.interval().to_be_bytes())
    }

    fn scan_header(&mut self, scan: &Scan, pairs: [TablePair; 4]) -> Result<()> {
        let mut payload = vec![low_byte(scan.components().len())];
        for (index, pair) in scan.components().zip(pairs) {
            // A class of tables that the scan does not need is told as 0, as libjpeg does.
            let dc = u8::from(needs_dc_table(scan)) * pair as u8;
            let ac = u8::from(needs_ac_table(scan)) * pair as u8;
            payload.extend([self.plan.ids[index], dc << 4 | ac]);
        }
        let (start, end) = (*scan.zigzag_range().start(), *scan.zigzag_range().end());
        payload.extend([start, end, scan.high() << 4 | scan.low()]);
        self.segment(marker::SOS, &payload)
    }
}

/// Whether a scan has DC symbols; refinements of DC are bare bits.
fn needs_dc_table(scan: &Scan) -> bool {
    *scan.zigzag_range().start() == 0 && scan.high() == 0
}

fn needs_ac_table(scan: &Scan) -> bool {
    *scan.zigzag_range().end() > 0
}
