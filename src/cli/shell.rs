//! The arguments of `adit completions` and `adit manual`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// For which shell.
#[derive(Debug, Args)]
#[command(after_help = "Put one of these where your shell reads it at its start:
  bash        source <(adit completions bash)          ~/.bashrc
  zsh         source <(adit completions zsh)           ~/.zshrc, after compinit
  fish        adit completions fish | source           ~/.config/fish/config.fish
  elvish      eval (adit completions elvish | slurp)   ~/.elvish/rc.elv
  powershell  adit completions powershell | Out-String | Invoke-Expression   $PROFILE

Connections and groups of the adit.toml at hand are completed, and targets that `adit list` has
shown.")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Shells that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }
}

/// Which pages.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  adit manual | man -l -
      Read the first page.
  adit manual --to ~/.local/share/man/man1
      Write all of them, for `man adit-connect`.")]
pub(crate) struct ManualArgs {
    /// The command whose page is printed [default: adit itself]
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,

    /// Write the pages of all commands into FOLDER
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    pub(crate) to: Option<PathBuf>,
}
