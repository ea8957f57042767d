//! Questions on the terminal.
//!
//! A prompt blocks its thread in the middle of a read, with the cursor hidden and the terminal in
//! raw mode, and that is how a signal leaves them. So what a question changes is put back by whoever
//! asked it, whatever the end.

use std::io::{self, IsTerminal as _, Write};
use std::num::NonZero;

use dialoguer::theme::SimpleTheme;
use dialoguer::{FuzzySelect, Input, Password, Select};
use zeroize::Zeroizing;

use super::plain;
use crate::failure::{Failure, Kind};
use crate::signals::{Signals, Stop};

/// The columns that a picker puts before an item.
const MARGIN: usize = 2;

/// Whether a person is there to answer: both sides of the terminal are, and nobody said otherwise.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no; nothing typed is a no. What is typed is seen, and
/// what is neither is asked about again: a yes may cost somebody a bastion.
pub(crate) async fn confirm(
    question: &str,
    signals: &mut Signals,
) -> Result<Result<bool, Stop>, Failure> {
    answer(yes_or_no(&format!("{question} [y/N]"), false), signals).await
}

/// Asks for a yes or a no; nothing typed is `otherwise`.
fn yes_or_no(question: &str, otherwise: bool) -> impl FnOnce() -> dialoguer::Result<bool> + use<> {
    let question = plain::line(question);
    move || {
        let typed = Input::<String>::with_theme(&SimpleTheme)
            .with_prompt(question)
            .allow_empty(true)
            .validate_with(|typed: &String| {
                consent(typed).map(drop).ok_or("answer y for yes, or n for no")
            })
            .interact_text()?;
        Ok(if typed.trim().is_empty() { otherwise } else { consent(&typed) == Some(true) })
    }
}

/// What somebody means who was asked for a yes; `None` when it cannot be told.
fn consent(typed: &str) -> Option<bool> {
    match typed.trim().to_lowercase().as_str() {
        "y" | "yes" => Some(true),
        "" | "n" | "no" => Some(false),
        _ => None,
    }
}

/// Lets one of several be chosen, by typing a part of it; `None` when nothing is wanted.
pub(crate) async fn pick(
    question: &str,
    items: &[String],
    signals: &mut Signals,
) -> Result<Result<Option<usize>, Stop>, Failure> {
    let question = format!("{} (type to narrow, Enter takes, Esc leaves)", plain::line(question));
    let width = usize::from(console::Term::stderr().size().1).saturating_sub(MARGIN);
    let shown = |item: &String| console::truncate_str(&plain::line(item), width, "…").into_owned();
    let items: Vec<String> = items.iter().map(shown).collect();
    let ask = move || {
        FuzzySelect::with_theme(&SimpleTheme)
            .with_prompt(question)
            .items(&items)
            .default(0)
            .interact_opt()
    };
    answer(ask, signals).await
}

/// Asks for a port.
pub(crate) async fn port(
    question: &str,
    signals: &mut Signals,
) -> Result<Result<u16, Stop>, Failure> {
    let question = plain::line(question);
    let ask = move || {
        Input::<NonZero<u16>>::with_theme(&SimpleTheme)
            .with_prompt(question)
            .interact_text()
            .map(NonZero::get)
    };
    answer(ask, signals).await
}

/// Asks for a text of one to `longest` characters; as [`secret`].
pub(crate) async fn text(question: &str, longest: usize) -> Result<String, Failure> {
    let question = plain::line(question);
    let ask = move || {
        Input::<String>::with_theme(&SimpleTheme)
            .with_prompt(question)
            .validate_with(|typed: &String| match typed.trim().chars().count() {
                0 => Err("type a few words".to_owned()),
                count if count > longest => Err(format!("{longest} characters at most")),
                _ => Ok(()),
            })
            .interact_text()
            .map(|typed| typed.trim().to_owned())
    };
    alone(ask).await
}

/// Asks for a text; nothing typed is `otherwise`. As [`secret`].
pub(crate) async fn text_or(question: &str, otherwise: String) -> Result<String, Failure> {
    let question = plain::line(question);
    let ask = move || {
        Input::<String>::with_theme(&SimpleTheme)
            .with_prompt(question)
            .default(otherwise)
            .interact_text()
            .map(|typed| typed.trim().to_owned())
    };
    alone(ask).await
}

/// Asks for a secret, which is not shown; nothing typed is nothing. Whoever drops this, as on a
/// signal, has the terminal put back.
pub(crate) async fn secret(question: &str) -> Result<Zeroizing<String>, Failure> {
    let question = plain::line(question);
    let ask = move || {
        Password::with_theme(&SimpleTheme)
            .with_prompt(question)
            .allow_empty_password(true)
            .report(false)
            .interact()
            .map(Zeroizing::new)
    };
    alone(ask).await
}

/// Lets one of a few be chosen; as [`secret`].
pub(crate) async fn choose(question: &str, items: Vec<String>) -> Result<Option<usize>, Failure> {
    let question = plain::line(question);
    let items: Vec<String> = items.iter().map(|item| plain::line(item)).collect();
    let ask = move || {
        Select::with_theme(&SimpleTheme)
            .with_prompt(question)
            .items(&items)
            .default(0)
            .interact_opt()
    };
    alone(ask).await
}

/// Asks a question to which nothing typed is a yes; as [`secret`].
pub(crate) async fn yes(question: &str) -> Result<bool, Failure> {
    alone(yes_or_no(&format!("{question} [Y/n]"), true)).await
}

/// Asks in the midst of work that ends on a signal of itself.
async fn alone<T: Send + 'static>(
    ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let question = Unanswered { restore: Restore::remember(), is_open: true };
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => {
            question.answered();
            Ok(answer)
        }
        // Ctrl-C was seen as a key, and the signal is on its way to whoever waits for it.
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            std::future::pending().await
        }
        Ok(Err(error)) => {
            Err(Failure::new(Kind::Input, format!("cannot ask on this terminal: {error}")))
        }
        Err(error) => Err(Failure::new(Kind::Internal, format!("the question failed: {error}"))),
    }
}

/// A question that may be dropped: its line is ended then, unless the answer has ended it.
struct Unanswered {
    restore: Restore,
    is_open: bool,
}

impl Unanswered {
    fn answered(mut self) {
        self.is_open = false;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if self.is_open {
            self.restore.end_line();
        }
    }
}

/// Asks on a thread that may block, until there is an answer or a signal.
async fn answer<T: Send + 'static>(
    ask: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
    signals: &mut Signals,
) -> Result<Result<T, Stop>, Failure> {
    let restore = Restore::remember();
    let asked = tokio::task::spawn_blocking(ask);
    let answered = tokio::select! {
        biased;
        stop = signals.next() => {
            restore.end_line();
            return Ok(Err(stop));
        }
        answered = asked => answered,
    };
    match answered {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        // The prompt has seen Ctrl-C as a key, and raised the signal for everybody else.
        Ok(Err(dialoguer::Error::IO(error))) if error.kind() == io::ErrorKind::Interrupted => {
            restore.end_line();
            Ok(Err(Stop::Interrupt))
        }
        Ok(Err(error)) => {
            restore.end_line();
            Err(Failure::new(Kind::Input, format!("cannot ask on this terminal: {error}")))
        }
        Err(error) => Err(Failure::new(Kind::Internal, format!("the question failed: {error}"))),
    }
}

/// The terminal as it was; put back when dropped.
#[derive(Debug)]
struct Restore {
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
}

impl Restore {
    fn remember() -> Self {
        Self {
            #[cfg(unix)]
            modes: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }

    /// Leaves the question behind: what is said next begins a line.
    #[expect(clippy::unused_self, reason = "only who changes the terminal has to mend it")]
    fn end_line(&self) {
        drop(io::stderr().write_all(b"\r\n"));
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _unheard = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
        // Nobody can be told when this fails.
        drop(console::Term::stderr().show_cursor());
    }
}

#[cfg(test)]
mod tests {
    use super::consent;

    #[test]
    fn only_a_yes_is_one() {
        for yes in ["y", "Y", "yes", " Yes "] {
            assert_eq!(consent(yes), Some(true), "{yes}");
        }
        for no in ["", " ", "n", "NO"] {
            assert_eq!(consent(no), Some(false), "{no:?}");
        }
        for neither in ["maybe", "may I see them first?", "yn", "yess"] {
            assert_eq!(consent(neither), None, "{neither}");
        }
    }
}
