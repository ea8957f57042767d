//! What a row of the table fixes beforehand.

use crate::stage::{Setup, Stage};

/// What went another way than a row says, or kept it from being tried at all.
#[derive(Debug)]
pub(crate) enum Miss {
    /// It did not come to the fault.
    Setup(String),
    /// It came to the fault, and not to what the row says.
    Row(String),
}

pub(crate) type Outcome<T = ()> = Result<T, String>;

/// One kind of fault, and all that follows from it.
pub(crate) struct Row {
    /// Its theme and its own name.
    pub(crate) name: &'static str,
    /// What is done.
    pub(crate) what: &'static str,
    pub(crate) proves: Proves,
    pub(crate) moment: Moment,
    pub(crate) streams: Streams,
    pub(crate) connections: Connections,
    pub(crate) end: End,
    /// What is told from the fault on, in order, without what is told of streams and sessions. What
    /// comes several times in a row counts once.
    pub(crate) events: &'static [&'static str],
    /// Within how many seconds of the fault all this is so: about five times what it takes.
    pub(crate) within_s: u64,
    pub(crate) set_up: fn(Setup) -> Setup,
    pub(crate) fault: fn(&mut Stage) -> Outcome,
    /// Ends the fault, where it does not end by itself.
    pub(crate) mend: fn(&mut Stage) -> Outcome,
}

/// What the row shows the use of.
pub(crate) enum Proves {
    /// Without these handlings it fails.
    Handlings(&'static str),
    /// It is not one handling's doing, for this reason.
    None(&'static str),
}

/// When the fault comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Before the tunnel is opened.
    Start,
    /// While bytes move in both directions.
    UnderWay,
    /// While a stream is open on which nothing moves.
    Quiet,
    /// When no stream is open any more.
    Idle,
}

/// What becomes of streams that are open when the fault comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Streams {
    /// There is none.
    None,
    /// They go on, and every byte arrives.
    Survive,
    /// They are closed, with this cause; what has arrived by then is right.
    Closed(&'static str),
}

/// What becomes of connections that come after the fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Connections {
    /// They are served, while the fault lasts if it lasts.
    Served,
    /// They wait until it ends, and are served then.
    Held,
    /// They are accepted and closed, with this cause.
    TurnedAway(&'static str),
    /// Nobody listens.
    Refused,
}

/// How it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// The tunnel is open, and serves.
    Open,
    /// The program has ended with this code; run again after the fault, it serves.
    Exit(i32),
}

/// What most rows have in common.
pub(crate) const ROW: Row = Row {
    name: "",
    what: "",
    proves: Proves::None(""),
    moment: Moment::UnderWay,
    streams: Streams::Survive,
    connections: Connections::Served,
    end: End::Open,
    events: &[],
    within_s: 15,
    set_up: |setup| setup,
    fault: |_| Ok(()),
    mend: |_| Ok(()),
};
