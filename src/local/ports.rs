//! Ports on loopback.

use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};

/// Whether `port` could be listened on now. 0 always can.
pub fn check(port: u16) -> Result<(), PortError> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(PortError::InUse(port)),
        Err(error) => Err(PortError::Refused(port, error)),
    }
}

/// A port nobody listens on. Another program may take it before it is used: for those that cannot pick one themselves.
pub fn free() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Why a port cannot be listened on.
#[derive(Debug)]
pub enum PortError {
    /// Another program listens there.
    InUse(u16),
    /// The system says no, for instance to a port below 1024.
    Refused(u16, Error),
}

impl std::fmt::Display for PortError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InUse(port) => write!(f, "port {port} is in use by another program"),
            Self::Refused(port, _) => write!(f, "cannot listen on port {port}"),
        }
    }
}

impl std::error::Error for PortError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::InUse(_) => None,
            Self::Refused(_, error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(check(port).unwrap_err().to_string(), format!("port {port} is in use by another program"));
        drop(listener);
        check(port).unwrap();
        check(0).unwrap();
        check(free().unwrap()).unwrap();
    }
}
