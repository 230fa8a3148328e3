//! Quantization tables: their destinations and segments (T.81 B.2.4.1).

use crate::coefficients::{CoefficientImage, Scan};
use crate::quantization::QuantizationTable;

use super::low_byte;

/// Destinations of quantization tables.
const DESTINATIONS: usize = 4;

/// Which table goes to which destination, and when.
#[derive(Debug)]
pub(super) struct QuantizationPlan {
    /// The destination of each component's table.
    pub(super) destinations: Vec<u8>,
    /// The tables to send before the frame.
    pub(super) ahead: Vec<(u8, QuantizationTable)>,
    /// The tables to send before each scan; empty where all stand ahead.
    pub(super) by_scan: Vec<Vec<(u8, QuantizationTable)>>,
}

impl QuantizationPlan {
    /// Each distinct table once, ahead of the frame; where there are more than destinations, each before
    /// the first scan that needs it.
    pub(super) fn new(image: &CoefficientImage, scans: &[Scan]) -> Self {
        let mut distinct: Vec<QuantizationTable> = Vec::new();
        let mut destinations = Vec::new();
        for component in image.components() {
            let table = component.quantization_table();
            let index = distinct.iter().position(|other| other == table);
            destinations.push(low_byte(index.unwrap_or(distinct.len())));
            if index.is_none() {
                distinct.push(*table);
            }
        }
        if distinct.len() <= DESTINATIONS {
            return Self {
                destinations,
                ahead: (0..).zip(distinct).collect(),
                by_scan: Vec::new(),
            };
        }
        let mut held: [Option<QuantizationTable>; DESTINATIONS] = [None; DESTINATIONS];
        let mut by_scan = Vec::new();
        for scan in scans {
            // Only sequential files have more than four components: each is in one scan, and the tables
            // of scans before may go.
            let mut sent = Vec::new();
            let mut in_use = [false; DESTINATIONS];
            for index in scan.components() {
                let table = *image.components()[index].quantization_table();
                let destination = held
                    .iter()
                    .position(|other| *other == Some(table))
                    .or_else(|| {
                        let free = in_use.iter().position(|in_use| !in_use)?;
                        sent.push((low_byte(free), table));
                        Some(free)
                    })
                    .unwrap_or(0);
                held[destination] = Some(table);
                in_use[destination] = true;
                destinations[index] = low_byte(destination);
            }
            by_scan.push(sent);
        }
        Self {
            destinations,
            ahead: Vec::new(),
            by_scan,
        }
    }
}

/// The payload of a DQT segment: steps of 8 bits where they fit, else of 16.
pub(super) fn quantization_payload(destination: u8, table: &QuantizationTable) -> Vec<u8> {
    let mut payload = Vec::with_capacity(129);
    if table.is_baseline() {
        payload.push(destination);
        payload.extend(table.to_zigzag().map(|step| low_byte(step.into())));
    } else {
        payload.push(0x10 | destination);
        payload.extend(table.to_zigzag().into_iter().flat_map(u16::to_be_bytes));
    }
    payload
}
