//! The fields of Result in v1beta1, from its CustomResourceDefinition. Their comments are what
//! `kubectl explain` prints.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver::schema::derive;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "awkward.example.org",
    version = "v1beta1",
    kind = "Result",
    doc = "Result is a kind of the group awkward.example.org.",
    schema = "manual",
    singular = "outcome",
    plural = "results",
    root = "ResultKind",
    deprecated
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = derive::without_nulls)]
pub struct ResultSpec {
    #[serde(rename = "")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,

    #[serde(rename = "$ref")]
    pub r#ref: String,

    pub _0abc: String,

    #[serde(
        rename = r#"a "quoted" name that goes on for so long that nobody would ever want to type it"#
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a_quoted_name_that_goes_on_for_so_long_that_nobody_would_ever_want_to_type_it:
        Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deep: Option<Deep>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huge: Option<Huge>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = derive::without_format)]
    #[schemars(transform = derive::merge(r#"{
  "enum": [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
    34,
    35,
    36,
    37,
    38,
    39,
    40,
    41,
    42,
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    52,
    53,
    54,
    55,
    56,
    57,
    58,
    59,
    60,
    61,
    62,
    63,
    64,
    65,
    66,
    67,
    68,
    69,
    70,
    71,
    72,
    73,
    74,
    75,
    76,
    77,
    78,
    79,
    80,
    81,
    82,
    83,
    84,
    85,
    86,
    87,
    88,
    89,
    90,
    91,
    92,
    93,
    94,
    95,
    96,
    97,
    98,
    99,
    100
  ]
}"#))]
    pub many: Option<i64>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Properties>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultResult>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<ResultRule>,

    pub self_: String,

    #[serde(rename = "spec-name")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name: Option<String>,

    #[serde(rename = "specName")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name_2: Option<String>,

    #[serde(rename = "spec_name")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_name_3: Option<String>,

    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub the_field_with_the_very_long_name_that_nobody_would_ever_want_to_type:
        BTreeMap<String, Vec<TheFieldWithTheVeryLongNameThatNobodyWouldEverWantToType>>,

    pub r#type: String,

    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vec: Vec<ResultVec>,

    #[serde(rename = "äöü")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_2: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Deep {
    pub level15: Level15,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Huge {
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
    V7,
    V8,
    V9,
    V10,
    V11,
    V12,
    V13,
    V14,
    V15,
    V16,
    V17,
    V18,
    V19,
    V20,
    V21,
    V22,
    V23,
    V24,
    V25,
    V26,
    V27,
    V28,
    V29,
    V30,
    V31,
    V32,
    V33,
    V34,
    V35,
    V36,
    V37,
    V38,
    V39,
    V40,
    V41,
    V42,
    V43,
    V44,
    V45,
    V46,
    V47,
    V48,
    V49,
    V50,
    V51,
    V52,
    V53,
    V54,
    V55,
    V56,
    V57,
    V58,
    V59,
    V60,
    V61,
    V62,
    V63,
    V64,
    V65,
    V66,
    V67,
    V68,
    V69,
    V70,
    V71,
    V72,
    V73,
    V74,
    V75,
    V76,
    V77,
    V78,
    V79,
    V80,
    V81,
    V82,
    V83,
    V84,
    V85,
    V86,
    V87,
    V88,
    V89,
    V90,
    V91,
    V92,
    V93,
    V94,
    V95,
    V96,
    V97,
    V98,
    V99,
    V100,
    V101,
    V102,
    V103,
    V104,
    V105,
    V106,
    V107,
    V108,
    V109,
    V110,
    V111,
    V112,
    V113,
    V114,
    V115,
    V116,
    V117,
    V118,
    V119,
    V120,
    V121,
    V122,
    V123,
    V124,
    V125,
    V126,
    V127,
    V128,
    V129,
    V130,
    V131,
    V132,
    V133,
    V134,
    V135,
    V136,
    V137,
    V138,
    V139,
    V140,
    V141,
    V142,
    V143,
    V144,
    V145,
    V146,
    V147,
    V148,
    V149,
    V150,
    V151,
    V152,
    V153,
    V154,
    V155,
    V156,
    V157,
    V158,
    V159,
    V160,
    V161,
    V162,
    V163,
    V164,
    V165,
    V166,
    V167,
    V168,
    V169,
    V170,
    V171,
    V172,
    V173,
    V174,
    V175,
    V176,
    V177,
    V178,
    V179,
    V180,
    V181,
    V182,
    V183,
    V184,
    V185,
    V186,
    V187,
    V188,
    V189,
    V190,
    V191,
    V192,
    V193,
    V194,
    V195,
    V196,
    V197,
    V198,
    V199,
    V200,
    V201,
    V202,
    V203,
    V204,
    V205,
    V206,
    V207,
    V208,
    V209,
    V210,
    V211,
    V212,
    V213,
    V214,
    V215,
    V216,
    V217,
    V218,
    V219,
    V220,
    V221,
    V222,
    V223,
    V224,
    V225,
    V226,
    V227,
    V228,
    V229,
    V230,
    V231,
    V232,
    V233,
    V234,
    V235,
    V236,
    V237,
    V238,
    V239,
    V240,
    V241,
    V242,
    V243,
    V244,
    V245,
    V246,
    V247,
    V248,
    V249,
    V250,
    V251,
    V252,
    V253,
    V254,
    V255,
    V256,
    V257,
    V258,
    V259,
    V260,
    V261,
    V262,
    V263,
    V264,
    V265,
    V266,
    V267,
    V268,
    V269,
    V270,
    V271,
    V272,
    V273,
    V274,
    V275,
    V276,
    V277,
    V278,
    V279,
    V280,
    V281,
    V282,
    V283,
    V284,
    V285,
    V286,
    V287,
    V288,
    V289,
    V290,
    V291,
    V292,
    V293,
    V294,
    V295,
    V296,
    V297,
    V298,
    V299,
    V300,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,

    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub r#enum: Vec<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nullable: Option<bool>,

    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_of: Vec<OneOf>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ResultResult {
    #[serde(rename = "Ok")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<String>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[x_kube(validation = Rule::new("has(self.message) == has(self.reason)").message("both or none"))]
pub struct ResultRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ResultRuleMessage>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ResultRuleReason>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TheFieldWithTheVeryLongNameThatNobodyWouldEverWantToType {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub another_very_long_name_that_is_even_longer_than_the_name_before_it:
        Option<AnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeIt>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ResultVec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#box: Option<ResultVecBox>,

    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level15 {
    pub level14: Level14,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct OneOf {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
pub struct ResultRuleMessage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new(r#"self.size() > 0 &&
self != oldSelf.orValue("\"")"#)
            .message("may not be empty")
            .optional_old_self(true)
    )]
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ResultRuleReason {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultRuleReasonResult>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeIt {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub another_very_long_name_that_is_even_longer_than_the_name_before_it: Option<
        AnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeItAnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeIt,
    >,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ResultVecBox {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#dyn: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level14 {
    pub level13: Level13,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct ResultRuleReasonResult {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<ResultRuleReasonResultOption>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeItAnotherVeryLongNameThatIsEvenLongerThanTheNameBeforeIt
{
    A,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level13 {
    pub level12: Level12,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ResultRuleReasonResultOption {
    Some,
    None,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level12 {
    pub level11: Level11,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level11 {
    pub level10: Level10,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level10 {
    pub level9: Level9,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level9 {
    pub level8: Level8,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level8 {
    pub level7: Level7,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level7 {
    pub level6: Level6,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level6 {
    pub level5: Level5,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level5 {
    pub level4: Level4,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level4 {
    pub level3: Level3,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level3 {
    pub level2: Level2,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Level2 {
    #[schemars(length(min = 1))]
    pub level1: String,
}

// By hand, because the derive takes a spec for granted, and lets a status be null.
impl JsonSchema for ResultKind {
    fn schema_name() -> Cow<'static, str> {
        "ResultKind".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["metadata", "spec"],
            "properties": {
                "spec": generator.subschema_for::<ResultSpec>(),
                "metadata": {
                    "properties": {"name": {"maxLength": 40, "type": "string"}},
                    "type": "object",
                },
            },
        })
    }
}
