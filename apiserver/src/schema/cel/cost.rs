//! What calls cost, in Kubernetes' measure. Sources:
//! <https://github.com/google/cel-go/blob/master/interpreter/runtimecost.go>,
//! <https://github.com/kubernetes/apiserver/blob/master/pkg/cel/library/cost.go>

use super::value::Value;

/// What the call of a function costs, by its arguments and its result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cost {
    /// The same for all.
    Fixed(u64),
    /// A walk over the first argument, a tenth for each character or item, times this.
    Walk(u64),
    /// A walk over the smaller of both arguments.
    Compare,
    /// The same, where they are texts or bytes.
    Order,
    /// What addition costs: only texts and bytes are walked over.
    Add,
    /// One for each item of the second argument, where it is a list.
    In,
    /// A walk over the first argument, where it is of this kind.
    OfBytes,
    OfText,
    /// A walk over the first argument for each step of the second, a pattern or a text to find.
    Find {
        pattern: bool,
    },
    /// A walk over the result, twice.
    Result,
    /// A walk over everything in the first argument.
    Traverse,
    /// As many comparisons as there are pairs of items, once or twice.
    Pairs(u64),
    /// A new list of the size of the result.
    NewList,
    /// A new list of the items of the first argument, as often as the second says.
    Flatten,
    /// A new list for which the items of the first argument are compared with one another.
    SelfCompare,
    /// The first argument against a long pattern.
    Format,
    /// Comparing parts of networks; of texts when they are told so.
    Contains {
        network: bool,
    },
}

impl Cost {
    pub(super) fn of(self, args: &[Value<'_>], result: Option<&Value<'_>>) -> u64 {
        let size = |index: usize| args.get(index).map_or(1, Value::size);
        match self {
            Self::Fixed(cost) => cost,
            Self::Walk(times) => tenth(size(0) * times),
            Self::Compare if args.first().is_some_and(is_opaque) => 1,
            Self::Compare => tenth(size(0).min(size(1))),
            Self::Order | Self::Add
                if !args.first().is_some_and(|arg| matches!(arg, Value::Text(_) | Value::Bytes(_))) =>
            {
                1
            }
            Self::Order => tenth(size(0).min(size(1))),
            Self::Add => tenth(size(0) + size(1)),
            Self::In if matches!(args.get(1), Some(Value::Map(_))) => 1,
            Self::In => size(1),
            Self::OfBytes if matches!(args.first(), Some(Value::Bytes(_))) => tenth(size(0)),
            Self::OfText if matches!(args.first(), Some(Value::Text(_))) => tenth(size(0)),
            Self::OfBytes | Self::OfText => 1,
            Self::Find { pattern: true } => tenth(1 + size(0)) * size(1).div_ceil(4),
            Self::Find { pattern: false } => tenth(size(0)) * tenth(size(1)),
            Self::Result => tenth(result.map_or(1, Value::size) * 2),
            Self::Traverse => args.first().map_or(0, traversal),
            Self::Pairs(times) => 1 + times * size(0).saturating_mul(size(1)),
            Self::NewList => 11 + result.map_or(0, Value::size),
            Self::Flatten => {
                let depth = args.get(1).and_then(|depth| depth.as_int().ok()).unwrap_or(1);
                11 + size(0).saturating_mul(depth.max(0) as u64)
            }
            Self::SelfCompare => {
                let first = args.first().and_then(|list| list.as_list().ok()).filter(|list| list.len() > 0);
                let texts = matches!(first.map(|list| list.get(0)), Some(Ok(Value::Text(_) | Value::Bytes(_))));
                self_compare(size(0), texts)
            }
            Self::Format => {
                let longest = match args.first() {
                    Some(Value::Format(format)) => format.pattern_length,
                    _ => 0,
                };
                tenth(1 + size(1)) * longest.div_ceil(4)
            }
            Self::Contains { network } => {
                let own = size(0);
                let text = match args.get(1) {
                    Some(Value::Text(_)) => tenth(size(1)),
                    _ => 0,
                };
                tenth(own * 2) + text + if network { tenth(own) + 1 } else { 0 }
            }
        }
    }
}

/// What values of libraries have no size for.
fn is_opaque(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Quantity(_) | Value::Url(_) | Value::Ip(_) | Value::Cidr(_) | Value::Semver(_) | Value::Format(_)
    )
}

/// A new list of as many items, each compared with each.
pub(super) fn self_compare(items: u64, texts: bool) -> u64 {
    let pairs = items.saturating_mul(items);
    11_u64.saturating_add(if texts { pairs.saturating_mul(21) / 10 } else { pairs.saturating_mul(2) })
}

/// One for each value within, a tenth for each byte.
fn traversal(value: &Value<'_>) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64 / 10,
        Value::Bytes(bytes) => bytes.len() as u64 / 10,
        Value::List(list) => list.iter().map(|item| item.map_or(1, |item| flat(&item))).sum(),
        _ => 1,
    }
}

/// As [`traversal`], where what is nested counts by its size: it may be as large as one likes.
fn flat(value: &Value<'_>) -> u64 {
    match value {
        Value::Text(_) | Value::Bytes(_) => traversal(value),
        other => other.size(),
    }
}

/// A tenth, rounded up.
pub(super) fn tenth(size: u64) -> u64 {
    size.div_ceil(10)
}
