//! Telling what is being made or awaited in AWS.

use std::collections::BTreeMap;

use adit_aws::bastion::Progress as Told;

use super::watch::Between;
use crate::ui::{Event, Printer, Progress};

/// Tells one kind of work, from its first step to its last.
#[derive(Debug)]
pub(crate) struct Telling {
    printer: Printer,
    progress: Option<Progress>,
    /// The steps that were begun, as they are shown: several may be under way.
    steps: BTreeMap<usize, String>,
    /// What was awaited last: it is told again and again.
    awaited: String,
    between: Between,
    done: Vec<String>,
}

impl Telling {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            progress: None,
            steps: BTreeMap::new(),
            awaited: String::new(),
            between: Between::default(),
            done: Vec::new(),
        }
    }

    /// When the work that is told is between two requests.
    pub(crate) fn between(&self) -> Between {
        self.between.clone()
    }

    /// Tells one thing. Where events cannot be written, the printer's owner learns it elsewhere.
    pub(crate) fn tell(&mut self, told: Told) {
        if matches!(told, Told::Done { .. } | Told::Waiting { .. }) {
            self.between.requests();
        }
        match told {
            Told::Step { number, total, summary } => {
                drop(self.printer.event(&Event::StepBegun { number, total, summary: &summary }));
                let step = format!("[{number}/{total}] {summary}");
                self.show(&step);
                self.steps.insert(number, step);
            }
            Told::Done { number, resource } => {
                drop(self.printer.event(&Event::StepDone { number, resource: &resource }));
                let mut how = self.steps.remove(&number).unwrap_or_default();
                if !how.contains(&resource) {
                    how = format!("{how}: {resource}");
                }
                match self.progress.take() {
                    Some(progress) => progress.done(&how),
                    None => self.printer.note(&how),
                }
                self.done.push(how);
            }
            Told::Waiting { what, usually_s, waited_s } => {
                if self.awaited == what {
                    return;
                }
                drop(self.printer.event(&Event::Waiting { what: &what, usually_s, waited_s }));
                let text = format!("waiting for {what}; usually {usually_s} s");
                self.show(&text);
                self.awaited = what;
            }
            Told::Note { text } => self.show(&text),
        }
    }

    /// Ends the telling, and gives the steps that were done.
    pub(crate) fn end(self) -> Vec<String> {
        self.done
    }

    fn show(&mut self, text: &str) {
        match &mut self.progress {
            Some(progress) => progress.now(text),
            None => self.progress = Some(Progress::begin(self.printer, text)),
        }
    }
}
