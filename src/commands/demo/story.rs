//! The telling: numbered steps, each with a few lines.

use crate::failure::Failure;
use crate::ui::{Event, Printer, plain};

/// The story so far.
#[derive(Debug)]
pub(crate) struct Story {
    printer: Printer,
    steps: u32,
}

impl Story {
    pub(crate) fn new(printer: Printer) -> Self {
        Self { printer, steps: 0 }
    }

    /// Tells a step that went as it should.
    pub(crate) fn step(&mut self, title: &str, lines: &[String]) -> Result<(), Failure> {
        self.steps += 1;
        self.printer.event(&Event::Step { number: self.steps, title, lines })?;
        let mut text = format!("{}. {title}", self.steps);
        for line in lines {
            text.push_str("\n   ");
            text.push_str(&plain::line(line));
        }
        self.printer.data(&text)
    }

    /// Hands the tunnel over to the reader.
    pub(crate) fn invite(&mut self, address: &str, own: bool) -> Result<(), Failure> {
        let how = if own {
            format!("{address} leads to your service")
        } else {
            format!("curl http://{address}/")
        };
        self.step("It is yours until Ctrl-C", &[how])
    }
}
