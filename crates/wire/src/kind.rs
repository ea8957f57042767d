use std::fmt;

/// The 32 bytes of a message's type field.
const TYPE_LEN: usize = 32;

macro_rules! message_types {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What a message is, by the ASCII name in its header.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum MessageType {
            $($(#[$doc])* $name,)*
            /// A type that this crate does not know; receivers log and ignore it.
            Other(TypeName),
        }

        impl MessageType {
            /// Reads the type field: NULs are stripped from both ends, then white space
            /// (messages that the service makes are padded with NUL, all others with blanks).
            pub fn from_field(field: [u8; TYPE_LEN]) -> Self {
                match trim(&field) {
                    $($text => Self::$name,)*
                    _ => Self::Other(TypeName(field)),
                }
            }

            /// The type field, padded with blanks as the official ends do.
            pub fn to_field(self) -> [u8; TYPE_LEN] {
                match self {
                    $(Self::$name => const { pad($text) },)*
                    Self::Other(name) => name.0,
                }
            }
        }
    };
}

message_types! {
    /// Client to agent, sequenced and acknowledged.
    InputStreamData = b"input_stream_data",
    /// Agent to client, sequenced and acknowledged.
    OutputStreamData = b"output_stream_data",
    /// Names one received data message; never acknowledged itself.
    Acknowledge = b"acknowledge",
    /// The service says that the session is over.
    ChannelClosed = b"channel_closed",
    /// The service allows stream data again.
    StartPublication = b"start_publication",
    /// The service asks for no more stream data: the other side is away.
    PausePublication = b"pause_publication",
    /// Agent to service on the data channel; not forwarded.
    AgentSessionState = b"agent_session_state",
    /// Service to agent on the control channel: start a session.
    InteractiveShell = b"interactive_shell",
    /// Agent to service on the control channel: a session has ended.
    AgentTaskComplete = b"agent_task_complete",
    /// Service to agent: the end of a session was noted.
    AgentTaskAcknowledge = b"agent_task_acknowledge",
    /// Service to agent: run a command.
    AgentJob = b"agent_job",
    /// Agent to service: a command was received.
    AgentJobAck = b"agent_job_ack",
    /// Agent to service: what a command did.
    AgentJobReply = b"agent_job_reply",
    /// Service to agent: the reply was received.
    AgentJobReplyAck = b"agent_job_reply_ack",
}

/// The type field of an unknown message, as it came.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeName([u8; TYPE_LEN]);

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", trim(&self.0).escape_ascii())
    }
}

fn trim(field: &[u8]) -> &[u8] {
    let mut rest = field;
    while let [0, tail @ ..] = rest {
        rest = tail;
    }
    while let [head @ .., 0] = rest {
        rest = head;
    }
    rest.trim_ascii()
}

const fn pad<const N: usize>(text: &[u8; N]) -> [u8; TYPE_LEN] {
    let mut field = [b' '; TYPE_LEN];
    let mut i = 0;
    while i < N {
        field[i] = text[i];
        i += 1;
    }
    field
}

/// What the payload of a stream data message is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PayloadType {
    /// No type: acknowledgements and whatever comes with a 112-byte header.
    Undefined,
    /// Session bytes, in both directions.
    Output,
    /// An error text.
    Error,
    /// A terminal size.
    Size,
    /// Parameters; unused by port sessions.
    Parameter,
    /// The agent's first message.
    HandshakeRequest,
    /// The client's first message.
    HandshakeResponse,
    /// The end of the handshake.
    HandshakeComplete,
    /// Proof that the peer has the key, asked for by the agent.
    EncChallengeRequest,
    /// The answer to it.
    EncChallengeResponse,
    /// A [`Flag`](crate::Flag).
    Flag,
    /// Standard error of a non-interactive command.
    StdErr,
    /// Exit code of a non-interactive command.
    ExitCode,
    /// A number that this crate does not know; reading never puts a known one here.
    Other(u32),
}

impl From<u32> for PayloadType {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Undefined,
            1 => Self::Output,
            2 => Self::Error,
            3 => Self::Size,
            4 => Self::Parameter,
            5 => Self::HandshakeRequest,
            6 => Self::HandshakeResponse,
            7 => Self::HandshakeComplete,
            8 => Self::EncChallengeRequest,
            9 => Self::EncChallengeResponse,
            10 => Self::Flag,
            11 => Self::StdErr,
            12 => Self::ExitCode,
            other => Self::Other(other),
        }
    }
}

impl From<PayloadType> for u32 {
    fn from(kind: PayloadType) -> Self {
        match kind {
            PayloadType::Undefined => 0,
            PayloadType::Output => 1,
            PayloadType::Error => 2,
            PayloadType::Size => 3,
            PayloadType::Parameter => 4,
            PayloadType::HandshakeRequest => 5,
            PayloadType::HandshakeResponse => 6,
            PayloadType::HandshakeComplete => 7,
            PayloadType::EncChallengeRequest => 8,
            PayloadType::EncChallengeResponse => 9,
            PayloadType::Flag => 10,
            PayloadType::StdErr => 11,
            PayloadType::ExitCode => 12,
            PayloadType::Other(other) => other,
        }
    }
}
