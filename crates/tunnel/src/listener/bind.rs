use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::path::Path;

use tokio::net::TcpListener;

use super::failure::is_no_address_here;
#[cfg(unix)]
use super::socket::UnixSocket;
use super::socket::{Socket, check_listening};
use super::{ListenError, Listener};

/// How many ports that the system gave for the first address are tried at the others. Each is
/// free at the first already, so even one is seldom taken there.
const PORTS_TRIED: usize = 16;

/// An address to listen on.
#[derive(Clone, Copy)]
struct Wanted {
    address: SocketAddr,
    /// Whether it is left out where the machine has no such address.
    optional: bool,
}

impl Listener {
    /// Listens on TCP addresses. Where several ask for port 0, all get the port that the first
    /// got; when that is taken at another, up to 16 ports are tried.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let wanted = addresses.iter().map(|address| Wanted { address: *address, optional: false });
        Self::bind_wanted(&wanted.collect::<Vec<_>>()).await
    }

    /// Listens on a port of 127.0.0.1; 0 takes any free one.
    pub async fn loopback(port: u16) -> Result<Self, ListenError> {
        Self::bind(&[SocketAddr::from((Ipv4Addr::LOCALHOST, port))]).await
    }

    /// Listens on one port of both 127.0.0.1 and `::1`; 0 takes one that is free at both. A machine
    /// without IPv6 listens on the first alone, but a port that is taken at either is an error.
    pub async fn loopbacks(port: u16) -> Result<Self, ListenError> {
        Self::bind_wanted(&loopbacks(port)).await
    }

    async fn bind_wanted(wanted: &[Wanted]) -> Result<Self, ListenError> {
        let sockets = bind_all(wanted, TcpListener::bind::<SocketAddr>).await?;
        Self::of(sockets.into_iter().map(Socket::tcp).collect())
    }

    /// Listens on a Unix socket that only its owner may use; the file is removed with the listener.
    /// A socket of that name on which nobody listens any more is replaced.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[cfg(unix)]
    pub fn unix(path: &Path) -> Result<Self, ListenError> {
        Self::of(vec![Socket::unix(UnixSocket::bind(path)?)])
    }

    /// Takes sockets that listen already, such as a service manager hands over; they are set
    /// non-blocking. The files of Unix sockets stay when the listener is closed: whoever made them
    /// needs them again. None at all is an error, and on Linux one that does not listen.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn from_std(
        tcp: Vec<std::net::TcpListener>,
        #[cfg(unix)] unix: Vec<std::os::unix::net::UnixListener>,
    ) -> Result<Self, ListenError> {
        let mut sockets = Vec::new();
        for listener in tcp {
            let address =
                listener.local_addr().map_or("a TCP socket".to_owned(), |a| a.to_string());
            let listener = check_listening(&listener)
                .and_then(|()| listener.set_nonblocking(true))
                .and_then(|()| TcpListener::from_std(listener))
                .map_err(|error| ListenError::new(address, error))?;
            sockets.push(Socket::tcp(listener));
        }
        #[cfg(unix)]
        for listener in unix {
            sockets.push(Socket::unix(UnixSocket::given(listener)?));
        }
        Self::of(sockets)
    }
}

const fn loopbacks(port: u16) -> [Wanted; 2] {
    [
        Wanted { address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port), optional: false },
        Wanted { address: SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port), optional: true },
    ]
}

/// Binds all with `bind`, at other ports if need be and possible.
async fn bind_all<B>(
    wanted: &[Wanted],
    mut bind: impl FnMut(SocketAddr) -> B,
) -> Result<Vec<TcpListener>, ListenError>
where
    B: Future<Output = io::Result<TcpListener>>,
{
    // Held to the end, so that their ports are not given a second time.
    let mut passed_over = Vec::new();
    loop {
        let mut bound = Vec::with_capacity(wanted.len());
        match bind_once(wanted, &mut bind, &mut bound).await {
            Ok(()) => return Ok(bound),
            Err(failure) if failure.by_chance && passed_over.len() + 1 < PORTS_TRIED => {
                passed_over.push(bound);
            }
            Err(failure) => return Err(failure.error),
        }
    }
}

struct BindFailure {
    error: ListenError,
    /// Whether another port may do.
    by_chance: bool,
}

/// Binds all with `bind`, in their order.
async fn bind_once<B>(
    wanted: &[Wanted],
    mut bind: impl FnMut(SocketAddr) -> B,
    bound: &mut Vec<TcpListener>,
) -> Result<(), BindFailure>
where
    B: Future<Output = io::Result<TcpListener>>,
{
    // The port of the first, and whether the system chose it.
    let mut first: Option<(u16, bool)> = None;
    for Wanted { mut address, optional } in wanted.iter().copied() {
        let any_port = address.port() == 0;
        if let (true, Some((port, _))) = (any_port, first) {
            address.set_port(port);
        }
        match bind(address).await {
            Ok(listener) => {
                let port = listener.local_addr().map_or(address.port(), |address| address.port());
                first.get_or_insert((port, any_port));
                bound.push(listener);
            }
            Err(error) if optional && is_no_address_here(&error) => {
                tracing::debug!(%address, %error, "left out");
            }
            Err(error) => {
                let error = ListenError::new(address.to_string(), error);
                let chosen = first.is_some_and(|(_, chosen)| chosen);
                let by_chance = any_port && chosen && error.is_taken();
                return Err(BindFailure { error, by_chance });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| address.parse().unwrap()).collect()
    }

    const LOOPBACKS: [Wanted; 2] = loopbacks(0);

    fn taken() -> io::Error {
        io::ErrorKind::AddrInUse.into()
    }

    #[tokio::test]
    async fn several_addresses_share_the_port_that_was_free() {
        let listener = Listener::bind(&any(&["127.0.0.1:0", "[::1]:0"])).await.unwrap();
        let ports: Vec<u16> = listener.addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 2);
        assert!(ports[0] != 0 && ports[0] == ports[1]);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_at_the_second_address_is_passed_over() {
        let mut tried = Vec::new();
        let bound = bind_all(&LOOPBACKS, |address| {
            tried.push(address);
            // The second is bound the fourth time.
            let refused = address.is_ipv6() && tried.len() < 8;
            async move { if refused { Err(taken()) } else { TcpListener::bind(address).await } }
        });
        let bound = bound.await.unwrap();
        let ports: Vec<u16> = bound.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert!(ports.len() == 2 && ports[0] == ports[1], "{ports:?}");
        assert_eq!(tried.len(), 8);
        let mut sixes: Vec<u16> =
            tried.iter().filter(|a| a.is_ipv6()).map(SocketAddr::port).collect();
        sixes.sort_unstable();
        sixes.dedup();
        assert_eq!(sixes.len(), 4, "another port each time");
    }

    #[tokio::test]
    async fn ports_are_not_tried_for_ever() {
        // Whatever the first gets, the second finds it taken.
        let error = Listener::bind(&any(&["127.0.0.1:0", "127.0.0.1:0"])).await.unwrap_err();
        assert!(error.is_taken(), "{error}");
        let mut firsts = 0;
        let bound = bind_all(&LOOPBACKS, |address| {
            firsts += usize::from(address.is_ipv4());
            async move {
                if address.is_ipv6() { Err(taken()) } else { TcpListener::bind(address).await }
            }
        });
        assert!(bound.await.unwrap_err().is_taken());
        assert_eq!(firsts, PORTS_TRIED);
    }

    #[tokio::test]
    async fn a_port_that_was_asked_for_is_tried_once() {
        let [first, mut second] = loopbacks(5432);
        for any_second in [false, true] {
            second.address.set_port(if any_second { 0 } else { 5432 });
            for taken_at_six in [false, true] {
                let mut tried = 0;
                let wanted = [first, second];
                let bound = bind_all(&wanted, |address| {
                    tried += 1;
                    async move {
                        if address.is_ipv6() == taken_at_six {
                            return Err(taken());
                        }
                        // The test chooses no ports; this stands in for the one asked for.
                        let socket = std::net::TcpListener::bind((address.ip(), 0))?;
                        socket.set_nonblocking(true)?;
                        TcpListener::from_std(socket)
                    }
                });
                let error = bound.await.unwrap_err();
                assert!(error.is_taken(), "{error}");
                assert_eq!(tried, 1 + usize::from(taken_at_six));
            }
        }
    }

    #[tokio::test]
    async fn a_machine_without_ipv6_listens_on_what_it_has() {
        #[cfg(unix)]
        let no_family = || rustix::io::Errno::AFNOSUPPORT.into();
        #[cfg(windows)]
        let no_family = || io::Error::from_raw_os_error(10047);
        let no_address = || io::ErrorKind::AddrNotAvailable.into();
        for error in [&no_family as &dyn Fn() -> io::Error, &no_address] {
            let lacking = |six: bool| {
                move |address: SocketAddr| {
                    let refused = (address.is_ipv6() == six).then(error);
                    async move {
                        match refused {
                            Some(error) => Err(error),
                            None => TcpListener::bind(address).await,
                        }
                    }
                }
            };
            let bound = bind_all(&LOOPBACKS, lacking(true)).await.unwrap();
            assert_eq!(bound.len(), 1);
            bind_all(&LOOPBACKS, lacking(false)).await.expect_err("clients expect 127.0.0.1");
        }
        let refused = bind_all(&LOOPBACKS, |address| async move {
            if address.is_ipv6() {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            TcpListener::bind(address).await
        });
        refused.await.expect_err("that is no lack");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = Listener::loopback(0).await.unwrap();
        let port = first.addresses()[0].port();
        let error = Listener::loopback(port).await.unwrap_err();
        assert!(error.is_taken());
        assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
        assert!(error.next_step().contains("auto"));
    }

    #[tokio::test]
    async fn nothing_to_listen_on_is_an_error() {
        Listener::bind(&[]).await.expect_err("no address");
        #[cfg(unix)]
        let error = Listener::from_std(Vec::new(), Vec::new()).expect_err("no socket");
        #[cfg(not(unix))]
        let error = Listener::from_std(Vec::new()).expect_err("no socket");
        assert!(error.to_string().contains("nothing"), "{error}");
    }

    #[tokio::test]
    async fn binding_may_be_done_in_a_task_of_its_own() {
        let bound = tokio::spawn(Listener::loopbacks(0)).await.unwrap();
        assert!(!bound.unwrap().addresses().is_empty());
    }
}
