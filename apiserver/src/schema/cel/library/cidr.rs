//! Networks in CIDR notation. Sources: <https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-cidr-library>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/library/cidr.go>

use std::fmt::{self, Display};
use std::net::IpAddr;

use super::super::cost::Cost;
use super::super::error::{Error, Result};
use super::super::functions::Definition;
use super::super::value::Value;
use super::super::work::Work;
use super::ip::Ip;
use crate::field::quoted;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition { signatures: &["cidr(string) -> CIDR"], cost: Cost::Walk(1), native: cidr },
    Definition { signatures: &["isCIDR(string) -> bool"], cost: Cost::Walk(1), native: is_cidr },
    Definition {
        signatures: &["CIDR.ip() -> IP"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |cidr| Value::Ip(Ip(cidr.ip))),
    },
    Definition {
        signatures: &["CIDR.masked() -> CIDR"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |cidr| Value::Cidr(cidr.masked())),
    },
    Definition {
        signatures: &["CIDR.prefixLength() -> int"],
        cost: Cost::Fixed(1),
        native: |_, args| one(args, |cidr| Value::Int(cidr.bits.into())),
    },
    Definition {
        signatures: &["CIDR.containsIP(IP) -> bool", "CIDR.containsIP(string) -> bool"],
        cost: Cost::Contains { network: false },
        native: contains_ip,
    },
    Definition {
        signatures: &["CIDR.containsCIDR(CIDR) -> bool", "CIDR.containsCIDR(string) -> bool"],
        cost: Cost::Contains { network: true },
        native: contains_cidr,
    },
];

/// An address and how many of its bits are the network's; those behind need not be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cidr {
    ip: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Of its prefix, in bytes.
    pub(crate) fn size(self) -> u64 {
        u64::from(self.bits).div_ceil(8)
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let name = quoted(text);
        let wrong = |why: &str| {
            format!("network address parse error during conversion from string: netip.ParsePrefix({name}): {why}")
        };
        let (address, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
        if address.contains('%') {
            return Err(wrong("IPv6 zones cannot be present in a prefix"));
        }
        let ip = address.parse::<IpAddr>().map_err(|_| wrong("unable to parse IP"))?;
        if matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()) {
            return Err(format!("IPv4-mapped IPv6 address {name} is not allowed"));
        }
        let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
        let bad = || wrong(&format!("bad bits after slash: {}", quoted(bits)));
        let bits = bits.parse::<u8>().ok().filter(|_| plain).ok_or_else(bad)?;
        if bits > width(ip) {
            return Err(wrong("prefix length out of range"));
        }
        Ok(Self { ip, bits })
    }

    fn masked(self) -> Self {
        let ip = match self.ip {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or_default();
                IpAddr::V4((ip.to_bits() & mask).into())
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or_default();
                IpAddr::V6((ip.to_bits() & mask).into())
            }
        };
        Self { ip, ..self }
    }

    fn contains(self, ip: IpAddr) -> bool {
        width(self.ip) == width(ip) && Self { ip, ..self }.masked() == self.masked()
    }
}

impl Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.bits)
    }
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

fn one<'a>(args: &[Value<'a>], with: impl FnOnce(Cidr) -> Value<'a>) -> Result<Value<'a>> {
    match args {
        [Value::Cidr(cidr)] => Ok(with(*cidr)),
        _ => Err(Error::Overload),
    }
}

fn parse(text: &str) -> Result<Cidr> {
    let wrong = |error| Error::failed(format!("network address parse error during conversion from string: {error}"));
    Cidr::parse(text).map_err(wrong)
}

fn cidr<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Cidr(parse(args.first().ok_or(Error::Overload)?.as_str()?)?))
}

fn is_cidr<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    Ok(Value::Bool(Cidr::parse(args.first().ok_or(Error::Overload)?.as_str()?).is_ok()))
}

fn contains_ip<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (cidr, ip) = match args {
        [Value::Cidr(cidr), Value::Ip(ip)] => (cidr, *ip),
        [Value::Cidr(cidr), Value::Text(text)] => (cidr, Ip::parse(text).map_err(Error::failed)?),
        _ => return Err(Error::Overload),
    };
    Ok(Value::Bool(cidr.contains(ip.0)))
}

fn contains_cidr<'a>(_: &mut Work, args: &[Value<'a>]) -> Result<Value<'a>> {
    let (cidr, other) = match args {
        [Value::Cidr(cidr), Value::Cidr(other)] => (cidr, *other),
        [Value::Cidr(cidr), Value::Text(text)] => (cidr, parse(text)?),
        _ => return Err(Error::Overload),
    };
    Ok(Value::Bool(cidr.bits <= other.bits && cidr.contains(other.ip)))
}
