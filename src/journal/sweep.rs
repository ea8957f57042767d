//! Doing what killed processes had no time for.

use adit_aws::{Aws, AwsErrorKind, SessionApi};

use super::orphan::{self, Orphan};
use crate::background::Folders;

/// Removes the files that killed processes have left, and the journals that name no session.
pub(crate) fn tidy(folders: &Folders) {
    for orphan in orphans(folders) {
        orphan.content.made.iter().for_each(super::entry::Made::remove);
        orphan.settle();
    }
}

/// Ends the sessions that killed processes have left, as far as these credentials are for them;
/// `identity` says which those are as far as the user's settings tell. Gives how many it has ended.
pub(crate) async fn sweep(folders: &Folders, aws: &Aws, identity: &str) -> usize {
    let mut count = 0;
    let mut orphans = orphans(folders);
    // Nearly always there is nothing to do, and nothing to be known for it.
    orphans.retain(|orphan| !orphan.content.sessions.is_empty());
    if orphans.is_empty() {
        return 0;
    }
    let account = aws.account().await;
    let api = SessionApi::new(aws);
    for mut orphan in orphans {
        let sessions = orphan.content.sessions.values();
        let ours = sessions.filter(|began| began.is_of(aws, account.as_deref(), identity));
        let ours: Vec<String> = ours.map(|began| began.session.clone()).collect();
        for session in ours {
            if end(&api, &session, &mut orphan).await {
                count += 1;
            }
        }
        orphan.settle();
    }
    count
}

/// Ends one session; whether it was.
async fn end(api: &SessionApi, session: &str, orphan: &mut Orphan) -> bool {
    let pid = orphan.content.pid;
    match api.terminate_session(session).await {
        Ok(()) => {
            tracing::info!(session, pid, "ended a session that a killed process had left");
            orphan.strike(session);
            true
        }
        Err(error) if error.kind == AwsErrorKind::AccessDenied => {
            tracing::info!(session, pid, %error, "not permitted to end what a killed process has left");
            false
        }
        Err(error) => {
            tracing::info!(session, pid, %error, "cannot end what a killed process has left now");
            false
        }
    }
}

fn orphans(folders: &Folders) -> Vec<Orphan> {
    folders.journals_if_any().map(|folder| orphan::all(&folder)).unwrap_or_default()
}
