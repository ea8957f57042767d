pub(crate) mod agent;
pub(crate) mod binary;
pub(crate) mod client;
pub(crate) mod http;
pub(crate) mod query;
pub(crate) mod session;
pub(crate) mod socket;

use adit_lab::{Lab, LabConfig, Pace, State};
use socket::PATIENCE;
use tokio::time::timeout;

/// A lab without pauses.
pub(crate) async fn lab() -> Lab {
    lab_with(|_| {}).await
}

/// The same with changes to its configuration.
pub(crate) async fn lab_with(change: impl FnOnce(&mut LabConfig)) -> Lab {
    let mut config = LabConfig { pace: Pace::Off, seed: 7, ..LabConfig::default() };
    change(&mut config);
    Lab::start(config).await.expect("a lab")
}

/// Waits until the lab's state is as wanted.
pub(crate) async fn until(lab: &Lab, wanted: impl Fn(&State) -> bool) -> State {
    let look = async {
        loop {
            let state = lab.state();
            if wanted(&state) {
                return state;
            }
            tokio::task::yield_now().await;
        }
    };
    let Ok(state) = timeout(PATIENCE, look).await else {
        panic!("the lab's state stayed {:#?}", lab.state());
    };
    state
}
