//! The steps of a rotation: what they do undisturbed, what they refuse, what people do in between.

#[path = "steps/admins.rs"]
mod admins;
#[path = "steps/bad_answers.rs"]
mod bad_answers;
#[path = "steps/bad_current.rs"]
mod bad_current;
#[path = "steps/bad_input.rs"]
mod bad_input;
#[path = "steps/bad_texts.rs"]
mod bad_texts;
#[path = "steps/calls.rs"]
mod calls;
#[path = "steps/dead_keys.rs"]
mod dead_keys;
#[path = "steps/deletions.rs"]
mod deletions;
#[path = "steps/hands.rs"]
mod hands;
#[path = "steps/lag.rs"]
mod lag;
#[path = "steps/moved_labels.rs"]
mod moved_labels;
#[path = "steps/promotion.rs"]
mod promotion;
#[path = "steps/rights.rs"]
mod rights;
#[path = "steps/rotation.rs"]
mod rotation;
