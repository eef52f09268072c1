//! From the name of a host to its addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use tokio::sync::oneshot;

use crate::engine::endpoint::WebAddress;
use crate::sys;

/// The addresses of a host. Whoever drives the connection is not held up: the system may take seconds to say.
pub(super) async fn addresses_of(address: &WebAddress) -> io::Result<Vec<SocketAddr>> {
    let WebAddress { host, port, .. } = address;
    if let Ok(number) = host.parse::<IpAddr>() {
        return Ok(vec![(number, *port).into()]);
    }
    if address.is_localhost() {
        return Ok(vec![(Ipv4Addr::LOCALHOST, *port).into(), (Ipv6Addr::LOCALHOST, *port).into()]);
    }
    let (answer, asked) = oneshot::channel();
    let (host, port) = (host.clone(), *port);
    // Nobody may be there any more to hear it.
    let ask = move || drop(answer.send((host.as_str(), port).to_socket_addrs().map(Vec::from_iter)));
    sys::spawn_thread("codex-resolve", ask)?;
    asked.await.unwrap_or_else(|_| Err(io::Error::other("the name was not looked up")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::endpoint::Endpoint;

    fn found(host: &str) -> Vec<String> {
        let Ok(Endpoint::WebSocket(address)) = Endpoint::parse(&format!("ws://{host}:7")) else { panic!("{host}") };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(addresses_of(&address)).unwrap();
        found.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn numbers_and_this_machine_are_not_looked_up() {
        assert_eq!(found("10.1.2.3"), ["10.1.2.3:7"]);
        assert_eq!(found("[::1]"), ["[::1]:7"]);
        assert_eq!(found("LocalHost"), ["127.0.0.1:7", "[::1]:7"]);
    }

    #[test]
    fn a_name_is_looked_up_by_the_system() {
        // A spelling of an address that only the system understands, and for which it asks nobody.
        assert_eq!(found("127.1"), ["127.0.0.1:7"]);
    }
}
