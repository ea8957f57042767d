use adit_aws::targets::Kind;
use clap::CommandFactory;

use super::*;

fn help(command: &[&str]) -> String {
    let mut root = Cli::command().term_width(100);
    root.build();
    let mut found = &mut root;
    for name in command {
        found = found.find_subcommand_mut(name).unwrap();
    }
    found.render_long_help().to_string()
}

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_flag_says_what_it_is_for_and_has_a_variable() {
    // A target in somebody's profile would narrow what `adit cleanup` removes, unseen; and what is
    // meant for all that is open would be so for every command.
    const WITHOUT: [(&str, &str); 7] = [
        ("cleanup", "target"),
        ("connect", "all"),
        ("exec", "all"),
        ("down", "all"),
        ("extend", "all"),
        ("wait", "closed"),
        ("manual", "to"),
    ];
    let mut root = Cli::command();
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            if ["help", "version"].contains(&name) {
                continue;
            }
            assert!(argument.get_help().is_some(), "{} {name}", command.get_name());
            if argument.is_hide_set() || (argument.is_positional() && argument.get_env().is_none())
            {
                continue;
            }
            if WITHOUT.contains(&(command.get_name(), name)) {
                assert!(argument.get_env().is_none(), "{} {name}", command.get_name());
                continue;
            }
            let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(variable.starts_with("ADIT_"), "{} {name}", command.get_name());
        }
    }
}

/// Wherever a target is asked for, the help says how each kind is written.
#[test]
fn help_tells_how_every_kind_of_target_is_written() {
    for command in ["init", "connect", "bench"] {
        let help = help(&[command]);
        for kind in Kind::ALL {
            assert!(help.contains(kind.form()), "{command}: {}", kind.form());
        }
    }
    let listed = help(&["list"]);
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Host) {
        assert!(listed.contains(kind.as_str()), "{kind}");
    }
}

#[test]
fn help_of_the_program() {
    insta::assert_snapshot!(help(&[]));
}

#[test]
fn help_of_connect() {
    insta::assert_snapshot!(help(&["connect"]));
}

#[test]
fn help_of_exec() {
    insta::assert_snapshot!(help(&["exec"]));
}

#[test]
fn help_of_bench() {
    insta::assert_snapshot!(help(&["bench"]));
}

#[test]
fn help_of_what_is_for_open_tunnels() {
    let helps = ["status", "logs", "wait", "extend", "down"].map(|name| help(&[name]));
    insta::assert_snapshot!(helps.join("\n----\n"));
}

#[test]
fn help_of_config() {
    let below = ["init", "check", "schema", "explain", "import"];
    let helps: Vec<String> = below.into_iter().map(|name| help(&["config", name])).collect();
    insta::assert_snapshot!(format!("{}\n----\n{}", help(&["config"]), helps.join("\n----\n")));
}

#[test]
fn help_of_init() {
    insta::assert_snapshot!(help(&["init"]));
}

#[test]
fn help_of_list() {
    insta::assert_snapshot!(help(&["list"]));
}

#[test]
fn help_of_cleanup() {
    insta::assert_snapshot!(help(&["cleanup"]));
}

#[test]
fn help_of_lab() {
    insta::assert_snapshot!(help(&["lab"]));
}

#[test]
fn help_of_demo() {
    insta::assert_snapshot!(help(&["demo"]));
}
