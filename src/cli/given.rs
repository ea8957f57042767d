//! The flags that a command was given, for hints that name it or another one.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory};

use super::Cli;
use super::parse::source;

/// Flags that a hint leaves out: it says these itself, they change nothing but the output, or they
/// are good for one time only.
const LEFT_OUT: [&str; 10] = [
    "plan",
    "yes",
    "json",
    "quiet",
    "no_input",
    "verbose",
    "mfa_code",
    // Some hold the seed that codes are made of.
    "mfa_command",
    "help",
    "version",
];

/// What a command was given by flags and by variables of adit's own, so that a hint does not lead
/// to another account, region or VPC than the command that gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given(Vec<Flag>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Flag {
    id: String,
    name: String,
    /// `None` is a switch.
    value: Option<String>,
    /// Whether the value is taken with an equals sign only.
    is_joined: bool,
}

impl Given {
    /// What is not a default, in the order of the help; `lost` has lost against another flag.
    pub(super) fn read(command: &Command, matches: &ArgMatches, lost: &[&str]) -> Self {
        let mut flags = Vec::new();
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let Some(name) = argument.get_long() else { continue };
            let is_default = matches!(source(matches, id), None | Some(ValueSource::DefaultValue));
            if is_default || LEFT_OUT.contains(&id) || lost.contains(&id) {
                continue;
            }
            let is_joined = argument.is_require_equals_set();
            let flag = |value| Flag { id: id.to_owned(), name: name.to_owned(), value, is_joined };
            if matches!(argument.get_action(), ArgAction::SetTrue) {
                flags.extend(matches.get_flag(id).then(|| flag(None)));
            } else {
                let values = matches.get_raw(id).into_iter().flatten();
                flags.extend(values.map(|value| flag(Some(value.to_string_lossy().into_owned()))));
            }
        }
        Self(flags)
    }

    /// A command line for a shell: the command `name` with those of these flags that it has too.
    pub(crate) fn again(&self, name: &str) -> String {
        self.again_for(name, &[])
    }

    /// The same with these targets in place of those that were given.
    pub(crate) fn again_for(&self, name: &str, targets: &[String]) -> String {
        let root = Cli::command();
        let command = root.find_subcommand(name);
        let is_known = |flag: &&Flag| {
            command
                .is_some_and(|command| command.get_arguments().any(|own| own.get_id() == &flag.id))
        };
        let is_replaced = |flag: &&Flag| flag.id == "target" && !targets.is_empty();
        let mut line = format!("adit {name}");
        for target in targets {
            line = format!("{line} --target {}", quoted(target));
        }
        for flag in self.0.iter().filter(is_known).filter(|flag| !is_replaced(flag)) {
            line = format!("{line} --{}", flag.name);
            if let Some(value) = &flag.value {
                let sign = if flag.is_joined { '=' } else { ' ' };
                line = format!("{line}{sign}{}", quoted(value));
            }
        }
        line
    }

    /// The same with no target.
    pub(crate) fn without_targets(&self, name: &str) -> String {
        let flags = self.0.iter().filter(|flag| flag.id != "target").cloned().collect();
        Self(flags).again(name)
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    // Nothing that was an argument or a name in AWS holds a NUL, which alone cannot be quoted.
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(arguments: &[&str]) -> Given {
        let arguments = ["adit"].iter().chain(arguments).map(|word| (*word).into());
        Cli::read(arguments).unwrap().given
    }

    #[test]
    fn a_command_is_repeated_with_all_that_it_was_given() {
        let init = given(&[
            "init",
            "--json",
            "--region",
            "eu-west-1",
            "--target",
            "rds:orders",
            "--subnet",
            "subnet-1",
            "--tag",
            "team=data people",
            "--profile",
            "staging",
            "--create-endpoints",
            "--idle-stop",
            "30m",
            "--plan",
        ]);
        assert_eq!(
            shlex::split(&init.again("init")).unwrap().join("|"),
            "adit|init|--target|rds:orders|--subnet|subnet-1|--idle-stop|30m|--create-endpoints|--tag|team=data people|--profile|staging|--region|eu-west-1"
        );
    }

    #[test]
    fn another_command_gets_what_it_has_too() {
        let connect = given(&[
            "connect",
            "--target",
            "rds:orders",
            "--local-port",
            "auto",
            "--profile",
            "staging",
        ]);
        assert_eq!(connect.again("init"), "adit init --target rds:orders --profile staging");
        let targets = ["rds:tag:team=order's end".to_owned()];
        let line = connect.again_for("init", &targets);
        let words = shlex::split(&line).unwrap();
        assert_eq!(words[3], targets[0], "{line}");
        assert_eq!(words[4..], ["--profile", "staging"]);
        assert_eq!(
            given(&["cleanup", "--profile", "staging"]).again("cleanup"),
            "adit cleanup --profile staging"
        );
    }
}
