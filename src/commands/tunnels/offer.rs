//! Letting a person extend a tunnel by a key, when its end was announced.

use super::leash::Leash;
use super::one::Context;
#[cfg(unix)]
use crate::ui::Key;
use crate::ui::long_span;

/// The key that extends.
#[cfg(unix)]
const EXTEND: u8 = b'e';

/// What a person may do about the end.
#[derive(Debug, Default)]
pub(super) struct Offer {
    #[cfg(unix)]
    key: Option<Key>,
}

impl Offer {
    /// Begins to wait for the key where that is plain: one tunnel, whose person sees the words and has
    /// the keyboard. Gives the words that say what can be done, if anything can.
    pub(super) fn make(&mut self, leash: &Leash, context: &Context) -> Option<String> {
        let by = long_span(leash.step()?);
        if self.is_made(context) {
            return Some(format!("press e to extend it by {by}"));
        }
        let name = &context.connection.name;
        let name = shlex::try_quote(name).map_or_else(|_| name.clone(), Into::into);
        Some(format!("`adit extend {name}` extends it by {by}"))
    }

    #[cfg(unix)]
    fn is_made(&mut self, context: &Context) -> bool {
        let printer = context.printer;
        let is_plain = printer.may_ask()
            && !printer.is_quiet()
            && !printer.is_aside()
            && !printer.is_one_of_many();
        if is_plain && self.key.is_none() {
            self.key = Key::wait_for(EXTEND);
        }
        self.key.is_some()
    }

    #[cfg(not(unix))]
    fn is_made(&mut self, _: &Context) -> bool {
        false
    }

    /// It is of no use any more; the terminal is as it was.
    pub(super) fn withdraw(&mut self) {
        *self = Self::default();
    }

    /// Waits until the person takes it; for ever where there is none.
    pub(super) async fn taken(&mut self) {
        #[cfg(unix)]
        if let Some(key) = &mut self.key {
            return key.pressed().await;
        }
        std::future::pending::<()>().await;
    }
}
