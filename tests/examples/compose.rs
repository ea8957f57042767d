//! The commands of the Compose file, without containers.

use rustix::process::Signal;

use crate::common::cloud::Ran;
use crate::common::process::Program;
use crate::common::stories::Story;
use crate::place::{Place, text};

pub(crate) const STORIES: &[Story] =
    &[("the_tunnel_is_healthy_and_where_the_app_looks", the_tunnel_is_healthy)];

fn the_tunnel_is_healthy() {
    let place = Place::with_database("orders-dev");
    place.repository();
    let sockets = place.private("sockets");
    let folder = sockets.to_str().expect("UTF-8");
    let text = text("compose/compose.yaml");
    let words = |key: &str| -> Vec<String> {
        let line = text.lines().find_map(|line| line.trim_start().strip_prefix(key));
        let words: Vec<String> = serde_json::from_str(line.expect("a line")).expect("a list");
        words.iter().map(|word| word.replace("/sockets", folder)).collect()
    };
    let command = words("command: ");
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut tunnel = place.command("adit", &command);
    tunnel.env("XDG_RUNTIME_DIR", &sockets).env("ADIT_EXIT_ZERO_ON_SIGTERM", "true");
    let tunnel = Program::start(&mut tunnel);
    tunnel.expect_line("a tunnel", |said| said.starts_with("listening on").then_some(()));

    let check = words("test: ");
    let ["CMD", program, arguments @ ..] = &*check.iter().map(String::as_str).collect::<Vec<_>>()
    else {
        panic!("{check:?}")
    };
    let mut check = place.command(program, arguments);
    Ran::to_the_end(Program::start(check.env("XDG_RUNTIME_DIR", &sockets))).expect(0);
    // Where libpq looks in the folder that `PGHOST` names.
    let stream = std::os::unix::net::UnixStream::connect(sockets.join(".s.PGSQL.5432"));
    drop(stream.expect("it listens"));
    tunnel.signal(Signal::TERM);
    Ran::to_the_end(tunnel).expect(0);
}
