//! JSON values without a shape.

use proptest::prelude::*;
use serde_json::Value;

/// Any value, a few levels deep.
pub(crate) fn any() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any_of::<bool>(),
        any_of::<i64>(),
        any_of::<f64>(),
        any_of::<String>(),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..6).prop_map(Value::from_iter),
        ]
    })
}

fn any_of<T: Arbitrary + Into<Value> + 'static>() -> BoxedStrategy<Value> {
    proptest::arbitrary::any::<T>().prop_map_into().boxed()
}

/// Names that the code looks for, and any other.
fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "apiKey",
        "adminAppKey",
        "serviceAccountId",
        "site",
        "dd_api_key",
        "Step",
        "SecretId",
        "ClientRequestToken",
        "RotationToken",
        "data",
        "attributes",
        "id",
        "errors",
    ];
    prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        proptest::arbitrary::any::<String>(),
    ]
}
