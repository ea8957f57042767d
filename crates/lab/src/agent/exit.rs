/// How a running port handler ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    Success,
    /// With no text for the client.
    Failed,
    /// The session worker is gone, and nobody has noticed.
    Crashed,
}
