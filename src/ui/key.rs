//! A key that may be pressed while something else goes on.
//!
//! The terminal gives keys as they are pressed and shows none, for as long as one is waited for;
//! Ctrl-C and its like work as ever. Nothing blocks: the terminal is looked at a few times a second,
//! and only while this process is in front, since whoever reads from behind is stopped.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::signals::is_in_front;

/// How often the terminal is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Waits for a key; the terminal is put back when this is dropped.
#[derive(Debug)]
pub(crate) struct Key {
    terminal: File,
    before: Termios,
    wanted: u8,
    /// Whether the terminal gives keys as they are pressed.
    is_set: bool,
}

impl Key {
    /// Begins to wait for an ASCII letter, in either case. `None` where there is no terminal in front.
    pub(crate) fn wait_for(key: u8) -> Option<Self> {
        if !is_in_front() {
            return None;
        }
        // One of its own, so that nobody else's reads stop waiting.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = File::from(openat(CWD, "/dev/tty", flags, Mode::empty()).ok()?);
        let before = tcgetattr(&terminal).ok()?;
        let mut waiting = Self { terminal, before, wanted: key, is_set: false };
        waiting.set().ok()?;
        Some(waiting)
    }

    /// Waits until it is pressed; other keys mean nothing. May be dropped and called again.
    pub(crate) async fn pressed(&mut self) {
        loop {
            tokio::time::sleep(GLANCE).await;
            if !is_in_front() {
                // Whoever is in front now has modes of their own.
                self.is_set = false;
                continue;
            }
            if !self.is_set && self.set().is_err() {
                continue;
            }
            let mut keys = [0; 64];
            if let Ok(count) = self.terminal.read(&mut keys)
                && keys[..count].iter().any(|key| key.eq_ignore_ascii_case(&self.wanted))
            {
                return;
            }
        }
    }

    /// Has the terminal give keys as they are pressed. What was typed before is no answer.
    fn set(&mut self) -> io::Result<()> {
        let mut modes = self.before.clone();
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&self.terminal, OptionalActions::Flush, &modes)?;
        self.is_set = true;
        Ok(())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.is_set && is_in_front() {
            let _unheard = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
        }
    }
}
