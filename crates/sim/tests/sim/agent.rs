//! The model of the agent stands by itself.

use std::path::Path;

/// What a peer that knew the engine would share with it: its mistakes.
#[test]
fn the_agent_knows_nothing_of_ours_but_the_codecs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/peer");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).expect("the agent's sources") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("a source file");
        files += 1;
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            for (at, _) in line.match_indices("adit_") {
                assert!(line[at..].starts_with("adit_wire"), "{place}: {line}");
            }
            assert!(
                !line.contains("crate::"),
                "{place} reaches into the rest of the world: {line}"
            );
        }
    }
    assert!(files >= 4, "{files} files only: the sources are elsewhere");
}
