//! The text form that `cjpeg -qtables` reads: decimal numbers row by row, `#` starts a comment.

use std::fmt;
use std::str::FromStr;

use crate::band::BANDS;
use crate::error::{ArgumentError, Error, Result};

use super::{QuantizationTable, QuantizationTables};

impl fmt::Display for QuantizationTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in self.0.chunks_exact(8) {
            let row: Vec<String> = row.iter().map(|step| format!("{step:3}")).collect();
            writeln!(f, "{}", row.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for QuantizationTables {
    /// The tables in order, each headed by a comment with its component.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, table) in self.as_slice().iter().enumerate() {
            writeln!(f, "# component {index}")?;
            write!(f, "{table}")?;
        }
        Ok(())
    }
}

impl FromStr for QuantizationTables {
    type Err = Error;

    /// Reads one to four tables of 64 steps.
    fn from_str(text: &str) -> Result<Self> {
        let mut steps = Vec::new();
        let mut line_number = 0;
        for (index, line) in text.lines().enumerate() {
            line_number = index + 1;
            let numbers = line.split('#').next().unwrap_or("");
            for number in numbers.split_whitespace() {
                let step: u16 = number.parse().map_err(|_| {
                    table_text(
                        line_number,
                        "a step must be a decimal number from 1 to 65535",
                    )
                })?;
                if step == 0 {
                    return Err(table_text(line_number, "a step must not be 0"));
                }
                if steps.len() == 4 * BANDS {
                    return Err(table_text(line_number, "more than four tables"));
                }
                steps.push(step);
            }
        }
        if steps.is_empty() || steps.len() % BANDS != 0 {
            return Err(table_text(line_number, "a table must have 64 steps"));
        }
        let tables = steps
            .chunks_exact(BANDS)
            .map(|table| QuantizationTable::try_from(table.to_vec()))
            .collect::<Result<_>>()?;
        Self::per_component(tables)
    }
}

fn table_text(line: usize, reason: &'static str) -> Error {
    ArgumentError::TableText { line, reason }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        let tables = QuantizationTables::annex_k(30).unwrap();
        assert_eq!(
            tables.to_string().parse::<QuantizationTables>().unwrap(),
            tables
        );
    }

    #[test]
    fn faulty_text_names_its_line() {
        let line_of = |text: &str| match text.parse::<QuantizationTables>() {
            Err(Error::InvalidArgument(ArgumentError::TableText { line, .. })) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line_of(""), 0);
        assert_eq!(line_of("1 2\n3 x"), 2);
        assert_eq!(line_of("1 2\n\n0"), 3);
        assert_eq!(line_of("16 # 11"), 1);
        assert_eq!(line_of(&"1 ".repeat(320)), 1);
        assert_eq!(line_of("65536"), 1);
    }
}
