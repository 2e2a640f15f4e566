//! Operators and functions on constants.

use super::{fails, hold};

#[test]
fn arithmetic_never_wraps() {
    hold(&[
        "1 + 2 * 3 - 4 == 3",
        "-7 / 2 == -3",
        "-7 % 2 == -1",
        "7u % 4u == 3u",
        "1.0 / 0.0 > 1e308",
        "0.1 + 0.2 > 0.3",
        "-(-5) == 5",
        "9223372036854775807 - 1 == 9223372036854775806",
    ]);
    fails("9223372036854775807 + 1", "integer overflow");
    fails("-9223372036854775808 - 1", "integer overflow");
    fails("9223372036854775807 * 2", "integer overflow");
    fails("-9223372036854775808 / -1", "integer overflow");
    fails("-(-9223372036854775808)", "integer overflow");
    fails("1u - 2u", "unsigned integer overflow");
    fails("18446744073709551615u + 1u", "unsigned integer overflow");
    fails("1 / 0", "division by zero");
    fails("1u / 0u", "division by zero");
    fails("1 % 0", "modulus by zero");
}

#[test]
fn comparisons_cross_types_of_numbers() {
    hold(&[
        "1 < 1.5 && 2.5 > 2 && 1u < 1.5 && 2 >= 2u",
        "dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1) != 1.5",
        "9223372036854775807 < 9223372036854775808.0",
        "!(9007199254740993 < 9007199254740992.0)",
        "dyn(1) != 'a' && dyn('1') != 1 && dyn(null) != 0",
        "1 in [1.0, 2.0].map(x, dyn(x))",
        "'a' < 'b' && 'a' < 'aa' && b'a' < b'b' && false < true",
        "'Z' < 'a' && 'z' < 'é'",
        "duration('1h') > duration('59m') && timestamp('2020-01-01T00:00:00Z') < timestamp('2020-01-01T00:00:01Z')",
        "[1, 2] == [1, 2] && [1, 2] != [2, 1] && [1] != [1, 1]",
        "{'a': 1, 'b': 2} == {'b': 2, 'a': 1} && {'a': 1} != {'a': 2}",
        "double('NaN') != double('NaN') && dyn(double('NaN')) != 1",
    ]);
    fails("double('NaN') < 1.0", "NaN values cannot be ordered");
    fails("1 < double('NaN')", "NaN values cannot be ordered");
    fails("dyn('a') < 1", "no such overload");
    fails("dyn([1]) < dyn([2])", "no such overload");
}

#[test]
fn one_side_may_decide_whatever_the_other_does() {
    hold(&[
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "!(false && 1 / 0 == 1)",
        "!(1 / 0 == 1 && false)",
        "false ? 1 / 0 == 1 : true",
        "[1, 0].exists(x, 1 / x == 1)",
        "[0, 1].exists(x, 1 / x == 1)",
        "!([0, 1].all(x, 1 / x == 2))",
    ]);
    fails("false || 1 / 0 == 1", "division by zero");
    fails("1 / 0 == 1 && 1 % 0 == 1", "division by zero");
    fails("dyn(1) || false", "no such overload");
    fails("[0, 2].exists(x, 1 / x == 1)", "division by zero");
    fails("dyn(1) ? 1 : 2", "no such overload");
}

#[test]
fn folds_walk_over_lists_and_maps() {
    hold(&[
        "[1, 2, 3].all(x, x > 0) && ![1, 2, 3].all(x, x > 1)",
        "[].all(x, false) && ![].exists(x, true)",
        "[1, 2, 3].exists(x, x == 2)",
        "[1, 2, 3].exists_one(x, x > 2) && ![1, 2, 3].exists_one(x, x > 1)",
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6]",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2, 3].filter(x, x != 2) == [1, 3]",
        "[[1, 2], [3]].map(x, x.map(y, y + x.size())) == [[3, 4], [4]]",
        "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
        "{'a': 1}.map(k, k) == ['a']",
        "{'a': 1, 'b': 2}.exists(k, v, k == 'b' && v == 2)",
        "[5, 6].all(i, v, v == i + 5)",
        "[5, 6].existsOne(i, v, i == 1)",
        "[5, 6].transformList(i, v, i + v) == [5, 7]",
        "[5, 6].transformList(i, v, i > 0, v) == [6]",
        "{'a': 1, 'b': 2}.transformMap(k, v, v * 10) == {'a': 10, 'b': 20}",
        "[5, 6].transformMap(i, v, v > 5, v) == {1: 6}",
        "{'a': 'x', 'b': 'y'}.transformMapEntry(k, v, {v: k}) == {'x': 'a', 'y': 'b'}",
        "[1, 2].transformMapEntry(i, v, v > 1 ? {v: i} : {}) == {2: 1}",
        "[1, 2].exists(x, [3].exists(x, x == 3) && x == 2)",
    ]);
    fails("['a', 'a'].transformMapEntry(i, v, {v: i})", "insert failed: key a already exists");
    fails("[1, 0].map(x, 1 / x)", "division by zero");
    fails("dyn(1).map(x, x)", "no such overload");
}

#[test]
fn lists_and_maps() {
    hold(&[
        "[1, 2][1] == 2 && [1, 2][dyn(0.0)] == 1",
        "{'a': 1}['a'] == 1 && {'a': 1}.a == 1 && {1: 'a'}[1] == 'a' && {true: 1}[true] == 1",
        "{1: 'a'}[dyn(1.0)] == 'a' && {1: 'a'}[dyn(1u)] == 'a'",
        "'a' in {'a': 1} && !('b' in {'a': 1}) && 2 in [1, 2] && !(3 in [1, 2])",
        "has({'a': 1}.a) && !has({'a': 1}.b)",
        "[1] + [2, 3] == [1, 2, 3] && size([]) == 0 && {'a': 1}.size() == 1",
        "[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [].isSorted()",
        "[1, 2, 3].sum() == 6 && [0.5, 1.5].sum() == 2.0 && [duration('1h'), duration('1m')].sum() == duration('61m')",
        "[3, 1, 2].min() == 1 && ['b', 'c'].max() == 'c'",
        "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && ['a'].indexOf('b') == -1",
        "[1, 2, 3, 4].slice(1, 3) == [2, 3] && [1].slice(1, 1) == []",
        "[[1], [2, 3]].flatten() == [1, 2, 3] && dyn([1, 2]).flatten() == [1, 2]",
        "dyn([[[1]], [[2, 3]]]).flatten(2) == [1, 2, 3]",
        "lists.range(3) == [0, 1, 2] && lists.range(0) == [] && lists.range(-5) == []",
        "[1, 2].reverse() == [2, 1] && [2, 1, 2].distinct() == [2, 1] && [3, 1, 2].sort() == [1, 2, 3]",
        "['bb', 'a'].sortBy(x, size(x)) == ['a', 'bb']",
        "[{'n': 2}, {'n': 1}].sortBy(x, x.n).map(x, x.n) == [1, 2]",
        "[1, 2].first().value() == 1 && [1, 2].last().value() == 2 && ![].first().hasValue()",
        "sets.contains([1, 2, 3], [3, 1]) && !sets.contains([1], [2]) && sets.contains([1], [])",
        "sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])",
        "sets.equivalent([1, 2, 2], [2, 1]) && !sets.equivalent([1], [1, 2])",
    ]);
    fails("[1][1]", "index out of bounds: 1");
    fails("[1][-1]", "index out of bounds: -1");
    fails("{'a': 1}.b", "no such key: b");
    fails("{1: 1}[2]", "no such key: 2");
    fails("{'a': 1, 'a': 2}", "Failed with repeated key a");
    fails("{1.5: 1}", "unsupported key type: double");
    fails("[].min()", "min called on empty list");
    fails("[1].slice(0, 2)", "cannot slice(0, 2), list is length 1");
    fails("[1].slice(1, 0)", "cannot slice(1, 0), start index must be less than or equal to end index");
    fails("[1].slice(-1, 0)", "cannot slice(-1, 0), negative indexes not supported");
    fails("[[1]].map(x, dyn(x)).flatten(-1)", "level must be non-negative");
    fails("lists.range(9000000000)", "operation cancelled: actual cost limit exceeded");
}

#[test]
fn texts() {
    hold(&[
        "'a' + 'b' == 'ab' && size('é👑') == 2 && b'é'.size() == 2",
        "'robin'.startsWith('ro') && 'robin'.endsWith('in') && 'robin'.contains('obi') && !'robin'.contains('x')",
        "'robin'.matches('^[a-z]+$') && matches('r2', r'\\d') && !'é'.matches(r'^\\w$')",
        "'a1b22'.find('[0-9]+') == '1' && 'ab'.find('x') == '' && 'a1b22'.findAll('[0-9]+') == ['1', '22']",
        "'a1b22'.findAll('[0-9]+', 1) == ['1'] && 'a1'.findAll('[0-9]', -1) == ['1']",
        "'tacocat'.charAt(3) == 'o' && 'tacocat'.charAt(7) == '' && '©αT'.charAt(1) == 'α'",
        "'tacocat'.indexOf('ac') == 1 && 'tacocat'.indexOf('a', 3) == 5 && 'tacocat'.indexOf('', 3) == 3",
        "'ta©o©αT'.indexOf('©', 3) == 4 && 'abc'.indexOf('c', 9) == -1 && 'abc'.indexOf('zzzz') == -1",
        "'tacocat'.lastIndexOf('ac') == 1 && 'tacocat'.lastIndexOf('') == 7 && ''.lastIndexOf('@@') == -1",
        "'ta©o©αT'.lastIndexOf('©', 3) == 2 && 'ta©o©αT'.lastIndexOf('©') == 4 && 'aaa'.lastIndexOf('a', 1) == 1",
        "'Robin É'.lowerAscii() == 'robin É' && 'é x'.upperAscii() == 'é X' && '  a b\\t'.trim() == 'a b'",
        "'a b c'.replace(' ', '') == 'abc' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'ab'.replace('', '-') == '-a-b-'",
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'a'.split(',', 0) == []",
        "'ab'.split('') == ['a', 'b'] && 'abc'.split('', 2) == ['a', 'bc']",
        "'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'αβγ'.substring(1, 2) == 'β'",
        "['a', 'b'].join() == 'ab' && ['a', 'b'].join(', ') == 'a, b' && [].join('x') == ''",
        r#"strings.quote('a"b\n') == '"a\\"b\\n"'"#,
    ]);
    fails("'a'.substring(2)", "index out of range: 2");
    fails("'abc'.substring(2, 1)", "invalid substring range. start: 2, end: 1");
    fails("'a'.charAt(-1)", "index out of range: -1");
    fails("'a'.indexOf('a', -1)", "index out of range: -1");
    fails("'a'.matches('(' + 'x')", "error parsing regexp: unclosed group");
    fails("'a'.find('(' + 'x')", "Illegal regex: error parsing regexp: unclosed group");
}

#[test]
fn formats_of_texts() {
    hold(&[
        "'%s is %d'.format(['a', 1]) == 'a is 1'",
        "'100%%'.format([]) == '100%'",
        "'%s %s %s'.format([1.5, true, null]) == '1.5 true null'",
        "'%s'.format([[1, 'a', 1.5, b'x']]) == '[1, \"a\", 1.500000, b\"x\"]'",
        "'%s'.format([{'b': 1, 'a': duration('1h')}]) == '{\"a\":duration(\"3600s\"), \"b\":1}'",
        "'%s %s'.format([timestamp('2024-05-06T07:08:09Z'), duration('90s')]) == '2024-05-06T07:08:09Z 90s'",
        "'%s'.format([type(1)]) == 'int'",
        "'%f %.2f %.0f'.format([1.0, 1234567.891, 2.5]) == '1.000000 1,234,567.89 2'",
        "'%e %.1e'.format([3.14, 0.00012]) == '3.140000×10⁰⁰ 1.2×10⁻⁰⁴'",
        "'%b %b %o %x %X'.format([5, -5, 8, 255, 'hi']) == '101 -101 10 ff 6869'",
        "'%f %e'.format(['NaN', '-Infinity']) == 'NaN -∞'",
    ]);
    fails(
        "'%d'.format(['a'])",
        "error during formatting: decimal clause can only be used on integers, was given string",
    );
    fails("'%s %s'.format(['a'])", "index 1 out of range");
    fails("'%z'.format(['a'])", "could not parse formatting clause: unrecognized formatting clause \"z\"");
    fails("'%.9999f'.format([1.0])", "error while parsing precision: precision is out of range");
    fails("'%'.format([])", "unexpected end of string");
}

#[test]
fn conversions() {
    hold(&[
        "int('-5') == -5 && int(5.9) == 5 && int(-5.9) == -5 && int(5u) == 5 && int(timestamp(7)) == 7",
        "uint(5) == 5u && uint('5') == 5u && double('1.5e3') == 1500.0 && double(3) == 3.0",
        "string(1.5) == '1.5' && string(1e100) == '1e+100' && string(b'a') == 'a' && string(true) == 'true'",
        "string(timestamp('2024-05-06T07:08:09.5+02:00')) == '2024-05-06T07:08:09.5+02:00'",
        "string(duration('1h2m3.5s')) == '3723.5s' && duration('1.5h') == duration('90m')",
        "bytes('é') == b'é' && bool('true') && !bool('F') && timestamp('1970-01-01T00:00:01Z') == timestamp(1)",
        "type(1) == int && type('a') == string && type(type(1)) == type && type([]) == list && type(null) == null_type",
        "type(timestamp(0)) == google.protobuf.Timestamp && type(1) != uint",
    ]);
    fails("int('a')", "type conversion error from 'string' to 'int'");
    fails("int(1e19)", "integer overflow");
    fails("uint(-1)", "unsigned integer overflow");
    fails("bool('yes')", "type conversion error from 'string' to 'bool'");
    fails("double('1e999')", "type conversion error from 'string' to 'double'");
    fails("string(b'\\xff')", "invalid UTF-8 in bytes, cannot convert to string");
    fails("duration('x' + '')", "type conversion error from 'string' to 'duration'");
}

#[test]
fn times() {
    hold(&[
        "timestamp('2024-02-29T00:00:00Z') + duration('24h') == timestamp('2024-03-01T00:00:00Z')",
        "timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-29T00:00:00Z') == duration('24h')",
        "timestamp('2024-03-01T00:00:00Z') - duration('1s') < timestamp('2024-03-01T00:00:00Z')",
        "timestamp('2024-05-06T07:08:09.123Z').getFullYear() == 2024",
        "timestamp('2024-05-06T07:08:09.123Z').getMonth() == 4",
        "timestamp('2024-05-06T07:08:09.123Z').getDate() == 6",
        "timestamp('2024-05-06T07:08:09.123Z').getDayOfMonth() == 5",
        "timestamp('2024-05-06T07:08:09.123Z').getDayOfWeek() == 1",
        "timestamp('2024-12-31T00:00:00Z').getDayOfYear() == 365",
        "timestamp('2024-05-06T07:08:09.123Z').getHours() == 7",
        "timestamp('2024-05-06T07:08:09.123Z').getHours('+02:30') == 9",
        "timestamp('2024-05-06T07:08:09.123Z').getMinutes('02:30') == 38",
        "timestamp('2024-05-06T07:08:09.123Z').getMilliseconds() == 123",
        "timestamp('2024-05-06T00:30:00+02:00').getDate() == 5",
        "duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90 && duration('2s').getMilliseconds() == 2000",
    ]);
    fails("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow");
    fails("duration('9223372036854775807ns') + duration('1ns')", "duration overflow");
    fails("timestamp('9999-01-01T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')", "duration overflow");
    fails("timestamp(0).getHours('Nowhere/City')", "unknown time zone Nowhere/City");
}

#[test]
fn optionals() {
    hold(&[
        "optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1",
        "optional.of(1) == optional.of(1) && optional.of(1) != optional.of(2) && optional.none() != optional.of(1)",
        "{'a': 1}[?'a'] == optional.of(1) && {'a': 1}[?'b'] == optional.none() && [1][?0].value() == 1",
        "{'a': {'b': 1}}.?a.?b == optional.of(1) && {'a': {'b': 1}}.?a.b.orValue(0) == 1",
        "{'a': {'b': 1}}.?x.b.orValue(7) == 7 && {'a': [1]}.?a[5].orValue(7) == 7",
        "has({'a': {'b': 1}}.?a.b) && !has({'a': {'b': 1}}.?x.b)",
        "optional.of(1).or(optional.of(2)).value() == 1 && optional.none().or(optional.of(2)).value() == 2",
        "optional.of(1).orValue(1 / 0) == 1",
        "optional.ofNonZeroValue('') == optional.none() && optional.ofNonZeroValue('a').value() == 'a'",
        "optional.of(2).optMap(x, x * 2).value() == 4 && !optional.none().optMap(x, x).hasValue()",
        "optional.of([1]).optFlatMap(x, x[?0]).value() == 1",
        "[1, ?optional.of(2), ?optional.none()] == [1, 2] && {?'a': optional.none(), 'b': 1} == {'b': 1}",
        "optional.unwrap([optional.of(1), optional.none()]) == [1] && [optional.of(1)].unwrapOpt() == [1]",
    ]);
    fails("optional.none().value()", "optional.none() dereference");
}

#[test]
fn quantities_and_versions() {
    hold(&[
        "quantity('1.5Gi').isGreaterThan(quantity('1500M')) && quantity('1k') == quantity('1000')",
        "quantity('50k').add(quantity('20')) == quantity('50.02k') && quantity('50k').sub(20) == quantity('49980')",
        "isQuantity('20Mi') && !isQuantity('20MiB') && quantity('5').isInteger() && !quantity('100m').isInteger()",
        "quantity('5k').asInteger() == 5000 && quantity('500m').asApproximateFloat() == 0.5 && sign(quantity('-1')) == -1",
        "quantity('1').compareTo(quantity('2')) == -1 && quantity('1').isLessThan(quantity('1.1'))",
        "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))",
        "semver('1.0.0-alpha.2').isLessThan(semver('1.0.0-alpha.10')) && semver('1.0.0+a') == semver('1.0.0+b')",
        "semver('v01.2', true) == semver('1.2.0') && !isSemver('v1.0') && isSemver('v1.0', true) && isSemver('1.2.3-b+c')",
        "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "semver('1.2.3').compareTo(semver('1.2.3')) == 0",
    ]);
    fails("quantity('1.5').asInteger()", "cannot convert value to integer");
    fails("quantity('1ki').isInteger()", "unable to parse quantity's suffix");
    fails("semver('1.2').major()", "No Major.Minor.Patch elements found");
    fails("semver('01.2.3').major()", "Major number must not contain leading zeroes \"01\"");
}

#[test]
fn addresses_and_formats() {
    hold(&[
        "ip('192.168.0.1').family() == 4 && ip('::1').family() == 6 && isIP('::1') && !isIP('1.2.3')",
        "!isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4') && !isIP('1.2.3.04')",
        "ip.isCanonical('::1') && !ip.isCanonical('0::1') && ip('2001:DB8::1') == ip('2001:db8::1')",
        "ip('127.0.0.1').isLoopback() && ip('0.0.0.0').isUnspecified() && ip('224.0.0.1').isLinkLocalMulticast()",
        "ip('169.254.1.1').isLinkLocalUnicast() && ip('fe80::1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast()",
        "!ip('255.255.255.255').isGlobalUnicast() && string(ip('::1')) == '::1'",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
        "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('10.1.2.3/8').ip() == ip('10.1.2.3')",
        "cidr('2001:db8::/32').prefixLength() == 32 && isCIDR('::/0') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08')",
        "!cidr('::/0').containsIP('1.2.3.4') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'",
        "url('https://user@example.com:8080/a%20b?x=1&x=2&y=a+b#f').getHost() == 'example.com:8080'",
        "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'",
        "url('HTTPS://a/b?c').getScheme() == 'https' && url('/a/b').getEscapedPath() == '/a/b' && url('https://a').getPort() == ''",
        "url('https://a/?x=1&x=2&y=a+b').getQuery() == {'x': ['1', '2'], 'y': ['a b']}",
        "isURL('https://a/b') && isURL('/a') && !isURL('a/b') && !isURL('https://a:b/')",
        "!format.dns1123Label().validate('robin').hasValue() && format.dns1123Label().validate('Robin').hasValue()",
        "format.dns1123Label().validate('a.b').value() == ['must not contain dots']",
        "!format.dns1123LabelPrefix().validate('robin-').hasValue() && !format.qualifiedName().validate('a.b/c').hasValue()",
        "format.uuid().validate('x').value() == ['does not match the UUID format']",
        "format.named('date').value() == format.date() && !format.named('bird').hasValue()",
        "!format.date().validate('2024-05-06').hasValue() && format.byte().validate('!').value() == ['invalid base64']",
    ]);
    fails("ip('::ffff:1.2.3.4')", "IPv4-mapped IPv6 address \"::ffff:1.2.3.4\" is not allowed");
    fails("ip('fe80::1%eth0')", "IP address \"fe80::1%eth0\" with zone value is not allowed");
    fails(
        "ip('x')",
        "IP Address \"x\" parse error during conversion from string: ParseAddr(\"x\"): unable to parse IP",
    );
    fails("url('a b')", "URL parse error during conversion from string: parse \"a b\": invalid URI for request");
}
