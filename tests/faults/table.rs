//! The table in `docs/reliability.md`, which is made of the rows.

use std::fmt::Write as _;
use std::path::Path;

use crate::row::{Connections, End, Outcome, Proves, Row, Streams};
use crate::rows;

const START: &str = "<!-- faults: made by tests/faults, ADIT_TEST_UPDATE=1 -->\n";
const STOP: &str = "<!-- end of faults -->\n";

/// Fails when the document has another table than the rows make; or writes it.
pub(crate) fn check() -> Outcome {
    unique()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (before, rest) = text.split_once(START).ok_or("no start of the table")?;
    let (_, after) = rest.split_once(STOP).ok_or("no end of the table")?;
    let fresh = format!("{before}{START}{}{STOP}{after}", table());
    if fresh == text {
        return Ok(());
    }
    if std::env::var_os("ADIT_TEST_UPDATE").is_some_and(|value| value == "1") {
        return std::fs::write(&path, fresh).map_err(|error| error.to_string());
    }
    Err("docs/reliability.md is not fresh; ADIT_TEST_UPDATE=1 writes it".to_owned())
}

/// Fails when a row has the name of another one, or says nothing of what it shows.
fn unique() -> Outcome {
    let mut names: Vec<&str> = rows::all().map(|row| row.name).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    if names.len() < before {
        return Err("two rows have the same name".to_owned());
    }
    let says_nothing = |row: &&Row| {
        row.what.is_empty() || matches!(row.proves, Proves::None("") | Proves::Handlings(""))
    };
    rows::all().find(says_nothing).map_or(Ok(()), |row| Err(format!("{} says nothing", row.name)))
}

fn table() -> String {
    let mut text = String::from(
        "\n| fault | what is done | open streams | new connections | end | within | without |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let mut notes = String::new();
    for row in rows::all() {
        let without = match row.proves {
            Proves::Handlings(names) => names.replace(',', ", "),
            Proves::None(reason) => {
                writeln!(notes, "- `{}`: {reason}.", row.name).expect("memory");
                "–".to_owned()
            }
        };
        let Row { name, what, within_s, .. } = row;
        let (streams, connections, end) =
            (of_streams(row.streams), of_connections(row.connections), of_end(row.end));
        writeln!(
            text,
            "| `{name}` | {what} | {streams} | {connections} | {end} | {within_s} s | {without} |"
        )
        .expect("memory");
    }
    format!("{text}\nRows that no single handling decides:\n\n{notes}\n")
}

fn of_streams(streams: Streams) -> String {
    match streams {
        Streams::None => "none".to_owned(),
        Streams::Survive => "survive".to_owned(),
        Streams::Closed(cause) => format!("closed, `{cause}`"),
    }
}

fn of_connections(connections: Connections) -> String {
    match connections {
        Connections::Served => "served".to_owned(),
        Connections::Held => "held, then served".to_owned(),
        Connections::TurnedAway(cause) => format!("closed, `{cause}`"),
        Connections::Refused => "refused".to_owned(),
    }
}

fn of_end(end: End) -> String {
    match end {
        End::Open => "open".to_owned(),
        End::Exit(code) => format!("exit {code}"),
    }
}
