//! Addresses of machines. Sources: <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/library/ip.go>

use std::net::IpAddr;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;
use crate::field::quoted;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["ip(string) -> IP"], cost: Cost::Walk(1), native: ip },
    Definition { signatures: &["isIP(string) -> bool"], cost: Cost::Walk(1), native: is_ip },
    Definition { signatures: &["ip.isCanonical(string) -> bool"], cost: Cost::Walk(2), native: is_canonical },
    Definition {
        signatures: &["IP.family() -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Int(if ip.is_ipv4() { 4 } else { 6 })),
    },
    Definition {
        signatures: &["IP.isUnspecified() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Bool(ip.is_unspecified())),
    },
    Definition {
        signatures: &["IP.isLoopback() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Bool(ip.is_loopback())),
    },
    Definition {
        signatures: &["IP.isLinkLocalMulticast() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Bool(is_link_local_multicast(ip))),
    },
    Definition {
        signatures: &["IP.isLinkLocalUnicast() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Bool(is_link_local_unicast(ip))),
    },
    Definition {
        signatures: &["IP.isGlobalUnicast() -> bool"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |ip| Value::Bool(is_global_unicast(ip))),
    },
];

/// An address: no zone, no IPv4 within IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ip(pub(super) IpAddr);

impl Ip {
    /// In bytes.
    pub(crate) fn size(self) -> u64 {
        if self.0.is_ipv4() { 4 } else { 16 }
    }

    pub(super) fn parse(text: &str) -> std::result::Result<Self, String> {
        let name = quoted(text);
        if let Some((address, _)) = text.split_once('%')
            && address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6())
        {
            return Err(format!("IP address {name} with zone value is not allowed"));
        }
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
                Err(format!("IPv4-mapped IPv6 address {name} is not allowed"))
            }
            Ok(ip) => Ok(Self(ip)),
            Err(_) => Err(format!(
                "IP Address {name} parse error during conversion from string: ParseAddr({name}): unable to parse IP"
            )),
        }
    }
}

fn one<'a>(args: &[Value<'a>], with: impl FnOnce(IpAddr) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Ip(ip)] => Ok(with(ip.0)),
        _ => Err(Error::Overload),
    }
}

fn text<'v>(args: &'v [Value<'_>]) -> Result<&'v str> {
    args.first().ok_or(Error::Overload)?.as_str()
}

fn ip<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Ip(Ip::parse(text(args)?).map_err(Error::failed)?))
}

fn is_ip<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Bool(Ip::parse(text(args)?).is_ok()))
}

fn is_canonical<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let text = text(args)?;
    let ip = Ip::parse(text).map_err(Error::failed)?;
    Ok(Value::Bool(ip.0.to_string() == text))
}

fn is_link_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn is_global_unicast(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local_unicast(ip) || is_broadcast)
}
