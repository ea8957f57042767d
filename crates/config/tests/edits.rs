//! Changing files without touching what else stands in them.

use std::path::Path;

use adit_config::TargetKind;
use adit_config::edit::{Edit, write};
use adit_config::file::{Connection, ConnectionTarget, Defaults, LocalPort, Settings, Target};

const FILE: &str = "adit.toml";

fn target(kind: TargetKind, id: &str) -> Target {
    Target { id: Some(id.to_owned()), ..Target::new(kind) }
}

fn connection(target: &str, port: u16) -> Connection {
    Connection {
        target: ConnectionTarget::Text(target.to_owned()),
        local_port: Some(LocalPort::Number(port)),
        settings: Settings::default(),
    }
}

#[test]
fn a_new_file() {
    let mut edit = Edit::shared(Path::new(FILE), None).unwrap();
    edit.set_target("orders", &target(TargetKind::Rds, "orders-prod")).unwrap();
    edit.set_connection("prod-db", &connection("orders", 5432)).unwrap();
    let inline = Target { endpoint: Some("reader".to_owned()), ..target(TargetKind::Aurora, "x") };
    let inline = Connection {
        target: ConnectionTarget::Table(Box::new(inline)),
        local_port: Some(LocalPort::Text("auto".to_owned())),
        settings: Settings { max_duration: Some("8h".to_owned()), ..Settings::default() },
    };
    edit.set_connection("reader", &inline).unwrap();
    edit.set_group("dev", &["prod-db".to_owned(), "reader".to_owned()]).unwrap();
    insta::assert_snapshot!(edit.text().unwrap());
}

#[test]
fn comments_and_order_stay() {
    let text = "\
# Ours.
version = 1 # the first

[connections.b] # second by name
# which database
target = \"orders\" # the big one
idle-timeout = \"5m\"
local-port = 5432 # as ever

[targets.orders]
kind = \"rds\"
id = \"orders\" # prod

[groups]
all = [\"b\"] # everybody
";
    let mut edit = Edit::shared(Path::new(FILE), Some(text)).unwrap();
    edit.set_connection("b", &connection("orders", 6543)).unwrap();
    edit.set_target("orders", &target(TargetKind::Aurora, "orders2")).unwrap();
    edit.set_connection("a", &connection("orders", 1)).unwrap();
    edit.set_group("all", &["a".to_owned(), "b".to_owned()]).unwrap();
    insta::assert_snapshot!(edit.text().unwrap());
}

#[test]
fn sections_in_one_line_stay_in_one_line() {
    let text = "version = 1\ntargets = { a = { kind = \"rds\", id = \"x\" } }\nconnections.c.target = \"a\"\n";
    let mut edit = Edit::shared(Path::new(FILE), Some(text)).unwrap();
    edit.set_target("a", &target(TargetKind::Rds, "y")).unwrap();
    edit.set_target("b", &target(TargetKind::Msk, "z")).unwrap();
    edit.set_connection("c", &connection("b", 9092)).unwrap();
    insta::assert_snapshot!(edit.text().unwrap());
}

#[test]
fn nothing_is_written_that_could_not_be_read() {
    let mut edit = Edit::shared(Path::new(FILE), None).unwrap();
    edit.set_connection("a", &connection("nowhere", 1)).unwrap();
    assert!(edit.text().unwrap_err().to_string().contains("there is no target `nowhere`"));
    let mut edit = Edit::shared(Path::new(FILE), None).unwrap();
    edit.set_connection("../a", &connection("rds:x", 1)).unwrap();
    assert!(edit.text().is_err());
    let mut edit = Edit::shared(Path::new(FILE), None).unwrap();
    edit.set_target("a", &target(TargetKind::Rds, "a\n\"]\nb")).unwrap();
    assert!(edit.text().is_err());
    assert!(Edit::shared(Path::new(FILE), Some("version = ")).is_err());
}

#[test]
fn a_persons_own_file() {
    let mut edit = Edit::own(Path::new("config.toml"), Some("")).unwrap();
    let settings = Settings { profile: Some("mine".to_owned()), ..Settings::default() };
    edit.set_defaults(&Defaults { settings }).unwrap();
    assert!(edit.text().unwrap().ends_with("version = 1\n\n[defaults]\nprofile = \"mine\"\n"));
}

#[test]
fn a_file_is_written_whole_and_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(FILE);
    write(&file, "version = 1\n").unwrap();
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "version = 1\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |file: &Path| fs_err::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file) & 0o022, 0, "nobody else may write to a new one");
        fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "version = 1 # again\n").unwrap();
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&file), 0o640);
        assert!(fs_err::read_to_string(&file).unwrap().contains("again"));
    }
    assert!(write(&folder.path().join("no/such/folder.toml"), "").is_err());
    assert_eq!(
        fs_err::read_dir(folder.path()).unwrap().count(),
        if cfg!(unix) { 2 } else { 1 },
        "nothing is left over"
    );
}
