//! `adit config`, and where files are looked for.

use serde_json::Value;

use super::{Team, connections, events, finish};

#[test]
fn all_problems_are_told_with_their_places() {
    let team = Team::start();
    team.run(&["config", "check"]).expect(0);
    team.write("version = 1\n[conections.a]\ntarget = \"rds:x\"\n[connections.b]\ntarget = \"rdz:x\"\nlocal-prot = 1\n");
    let ran = team.run(&["config", "check"]).expect(3);
    for part in
        ["adit.toml:2:", "connections", "adit.toml:5:", "adit.toml:6:1: ", "`local-port`", "^^^"]
    {
        assert!(ran.stdout.contains(part), "{part}: {ran:#?}");
    }
    let ran = team.run(&["config", "check", "--json"]).expect(3);
    let problems: Vec<Value> =
        events(&ran.stdout).into_iter().filter(|one| one["event"] == "problem").collect();
    assert_eq!(problems.len(), 3, "{ran:#?}");
    assert!(problems.iter().all(|one| one["line"].is_u64() && one["message"].is_string()));

    // What uses the file says the first, and how to see all.
    let ran = team.run(&["connect", "b"]).expect(3);
    assert!(ran.stderr.contains("adit config check"), "{ran:#?}");
    let ran = team.run(&["whoami"]).expect(3);
    assert!(ran.stderr.contains("--no-config"), "{ran:#?}");
    team.run(&["whoami", "--no-config"]).expect(0);
}

#[test]
fn a_value_is_explained_with_what_lost_against_it() {
    let team = Team::start();
    team.write(
        &connections(&["one"]).replace("[defaults]\n", "[defaults]\nmax-duration = \"8h\"\n"),
    );
    let own = team.path("home/.config/adit");
    std::fs::create_dir_all(&own).expect("a folder");
    std::fs::write(
        own.join("config.toml"),
        "version = 1\n[defaults]\nmax-duration = \"12h\"\nidle-timeout = \"5m\"\n",
    )
    .expect("a file");
    let explain = |key: &str| team.run(&["config", "explain", key]).expect(0).stdout;
    let text = explain("connections.one.max-duration");
    assert!(text.starts_with("connections.one.max-duration = 8h ("), "{text}");
    assert!(text.contains("not 12h"), "{text}");
    assert!(explain("connections.one.idle-timeout").contains("= 5m ("));
    let ran = team.run(&["config", "explain", "connections.one.max-duratoin"]).expect(2);
    assert!(ran.stderr.contains("did you mean"), "{ran:#?}");
    assert!(team.run(&["config", "explain"]).expect(0).stdout.lines().count() > 5);
}

#[test]
fn the_schema_is_json() {
    let team = Team::start();
    let text = team.run(&["config", "schema"]).expect(0).stdout;
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["connections"].is_object(), "{schema:#}");
}

#[test]
fn a_file_is_made_and_added_to_with_its_comments() {
    let team = Team::start();
    std::fs::remove_file(team.repository().join("adit.toml")).expect("it was there");
    let ran = team
        .run(&["config", "init", "--target", "rds:orders", "--profile", "dev", "--no-input"])
        .expect(0);
    assert!(ran.stderr.contains("adit connect orders"), "{ran:#?}");
    let path = team.repository().join("adit.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, format!("{text}# mine\n")).expect("a file");
    let more = ["config", "init", "--target", "rds:sales", "--name", "s", "--local-port", "auto"];
    team.run(&more).expect(0);
    let text = std::fs::read_to_string(&path).expect("a file");
    for part in ["# mine", "[connections.orders]", "[connections.s]", "profile = \"dev\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    team.run(&more).expect(3);
    team.run(&[&more[..], &["--force"]].concat()).expect(0);
    team.run(&["config", "check"]).expect(0);
}

#[test]
fn a_file_of_basti_becomes_one_of_adit() {
    let team = Team::start();
    std::fs::remove_file(team.repository().join("adit.toml")).expect("it was there");
    std::fs::write(
        team.repository().join(".basti.yaml"),
        "connections:\n  db:\n    target: orders\n    localPort: 5432\n\
         targets:\n  orders:\n    rdsInstance: orders-prod\n    awsProfile: prod\n",
    )
    .expect("a file");
    let text = team.run(&["config", "import"]).expect(0).stdout;
    assert!(text.contains("orders-prod") && text.contains("local-port = 5432"), "{text}");
    team.run(&["config", "import", "--write"]).expect(0);
    team.run(&["config", "check"]).expect(0);
    let ran = team.run(&["config", "import", "--write"]).expect(3);
    assert!(ran.stderr.contains("already"), "{ran:#?}");
}

#[test]
fn the_file_is_found_upward_and_no_further_than_the_repository() {
    let team = Team::start();
    let inner = team.repository().join("a/b");
    std::fs::create_dir_all(&inner).expect("folders");
    let check = || finish(team.adit(&["config", "check"]).current_dir(&inner));
    check().expect(0);
    std::fs::create_dir(team.repository().join("a/.git")).expect("a folder");
    let ran = check().expect(3);
    assert!(ran.stderr.contains("there is no adit.toml"), "{ran:#?}");
    let file = team.repository().join("adit.toml");
    let file = file.to_str().expect("text");
    finish(team.adit(&["config", "check", "--config", file]).current_dir(&inner)).expect(0);
    finish(team.adit(&["config", "check"]).env("ADIT_CONFIG", file).current_dir(&inner)).expect(0);
}

#[test]
fn profiles_of_a_file_give_way_to_keys_of_the_environment() {
    let team = Team::start();
    team.write(&connections(&["one"]).replace("[defaults]\n", "[defaults]\nprofile = \"dev\"\n"));
    team.run(&["whoami"]).expect(0);
    let mut command = team.adit(&["whoami"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let ran = finish(&mut command);
    assert!(ran.stderr.contains("dev"), "the profile is used: {ran:#?}");
    assert_ne!(ran.code, Some(0));
    team.write(
        &connections(&["one"]).replace("[defaults]\n", "[defaults]\naccount = \"999999999999\"\n"),
    );
    team.run(&["whoami"]).expect(5);
    team.run(&["connect", "one"]).expect(5);
    assert_eq!(team.lab.calls("StartSession"), 0);
}

#[test]
fn names_are_completed() {
    let team = Team::start();
    let script = team.run(&["completions", "bash"]).expect(0).stdout;
    assert!(script.contains("ADIT_COMPLETE"), "{script}");
    let mut command = team.adit(&["--", "adit", "connect", ""]);
    command
        .env("ADIT_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "false")
        .env("_CLAP_IFS", "\n");
    let words = finish(&mut command).expect(0).stdout;
    let words: Vec<&str> = words.lines().collect();
    assert!(words.contains(&"one") && words.contains(&"all"), "{words:?}");
}

#[test]
fn manual_pages_are_made_of_the_help() {
    let team = Team::start();
    let page = team.run(&["manual", "connect"]).expect(0).stdout;
    assert!(page.contains(".TH") && page.contains("lazy"), "{page}");
    let folder = team.path("man");
    team.run(&["manual", "--to", folder.to_str().expect("text")]).expect(0);
    for name in ["adit.1", "adit-connect.1", "adit-config-check.1"] {
        assert!(super::is_there(&folder.join(name)), "{name}");
    }
    team.run(&["manual", "nothing"]).expect(2);
}
