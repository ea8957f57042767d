//! Readers of standard output that stop reading, go away, or are a full disk.

use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::common::connect::echo;
use crate::common::lab::Lab;
use crate::common::process::adit;
use crate::common::servers::Server;
use crate::common::wait::{PATIENCE, until};
use crate::common::{BASTION, HOST};

/// How often what must happen every time is tried.
const TIMES: usize = 3;

#[test]
fn a_reader_that_stops_reading_stops_neither_tunnel_nor_signals() {
    let server = Server::echo();
    for json in [true, false] {
        let lab = Lab::builder().serve(&server).start();
        let (reader, writer) = full_pipe();
        let connect = Running::start(&lab, json, writer.into());
        let mut stream = connect.dial();
        for _ in 0..20 {
            echo(&mut stream, b"hello");
        }
        drop(connect.dial());
        assert_eq!(connect.stop(Signal::INT).0, Some(130), "json: {json}");
        lab.expect_nothing_left();
        assert_eq!(lab.calls("TerminateSession"), 1);
        drop(reader);
    }
}

#[test]
fn a_reader_that_reads_again_misses_nothing() {
    let server = Server::echo();
    let lab = Lab::builder().serve(&server).start();
    let (mut reader, writer) = full_pipe();
    let connect = Running::start(&lab, true, writer.into());
    echo(&mut connect.dial(), b"hello");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("UTF-8");
        text
    });
    assert_eq!(connect.stop(Signal::TERM).0, Some(143));
    let text = reading.join().expect("the reader does not panic");
    for event in ["starting", "session", "ready", "opened", "closed", "ended"] {
        let start = format!("{{\"event\":\"{event}\"");
        assert!(text.trim_start_matches('.').contains(&start), "{event}: {text}");
    }
}

#[test]
fn a_full_disk_fails_the_command_and_gives_the_session_back() {
    let server = Server::echo();
    for json in [true, false] {
        for _ in 0..TIMES {
            let lab = Lab::builder().serve(&server).start();
            let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
            let (code, stderr) = Running::start(&lab, json, full.into()).ended();
            assert_eq!(code, Some(1), "json: {json}: {stderr}");
            assert!(stderr.contains("error: cannot write to standard output"), "{stderr}");
            expect_given_back(&lab, json);
        }
    }
}

#[test]
fn a_reader_that_is_gone_ends_the_tunnel_and_gives_the_session_back() {
    let server = Server::echo();
    for json in [true, false] {
        for _ in 0..TIMES {
            let lab = Lab::builder().serve(&server).start();
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let (code, stderr) = Running::start(&lab, json, writer.into()).ended();
            assert_eq!(code, Some(0), "json: {json}: {stderr}");
            assert!(!stderr.contains("error: "), "{stderr}");
            expect_given_back(&lab, json);
        }
    }
}

#[test]
fn a_reader_that_leaves_at_ready_ends_the_tunnel_and_gives_the_session_back() {
    let server = Server::echo();
    for _ in 0..TIMES {
        let lab = Lab::builder().serve(&server).start();
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let connect = Running::start(&lab, true, writer.into());
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"\"event\":\"session\"") {
            assert_eq!(reader.read(&mut byte).expect("a pipe"), 1);
            text.push(byte[0]);
        }
        drop(reader);
        let (code, stderr) = connect.ended();
        assert_eq!(code, Some(0), "{stderr}");
        expect_given_back(&lab, false);
    }
}

/// No session is left; there may have been none when the very first line was one too many.
fn expect_given_back(lab: &Lab, perhaps_none: bool) {
    lab.expect_nothing_left();
    let started = lab.calls("StartSession");
    assert!(started == 1 || (perhaps_none && started == 0), "{started} sessions");
    let sessions = lab.state()["sessions"].as_array().expect("a list of sessions").len() as u64;
    assert_eq!(lab.calls("TerminateSession"), sessions);
}

/// `adit connect` whose standard output is the test's affair.
struct Running {
    child: Child,
    address: SocketAddr,
    _home: TempDir,
}

impl Running {
    fn start(lab: &Lab, json: bool, stdout: Stdio) -> Self {
        // Whoever reads nothing has to know where it listens.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command: Command = adit(home.path());
        lab.credentials(&mut command);
        command
            .args(["connect", "--endpoint-url", &lab.endpoint(), "--bastion", BASTION])
            .args(["--host", HOST, "--port", "5432"])
            .args(["--local-port", &address.port().to_string()])
            .args(json.then_some("--json"))
            .stdout(stdout)
            .stderr(Stdio::piped());
        let child = command.spawn().expect("the program runs");
        Self { child, address, _home: home }
    }

    /// Connects as soon as it listens.
    fn dial(&self) -> TcpStream {
        let stream = until("the listener", || TcpStream::connect(self.address).ok());
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP option");
        stream
    }

    fn stop(self, signal: Signal) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), signal).expect("a child of ours");
        self.ended()
    }

    /// Waits for the end: the code, and what was said on standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let status = until("the end", || self.child.try_wait().expect("a child of ours"));
        let mut stderr = String::new();
        let mut said = self.child.stderr.take().expect("piped");
        said.read_to_string(&mut stderr).expect("UTF-8");
        (status.code(), stderr)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// A pipe that takes no byte more.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("a pipe");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("a pipe");
    for block in [4096, 1] {
        let error = loop {
            if let Err(error) = writer.write(&vec![b'.'; block]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    }
    // The flag belongs to the pipe's end, which the program will share.
    fcntl_setfl(&writer, flags).expect("a pipe");
    (reader, writer)
}
