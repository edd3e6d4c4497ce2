//! What the reports look like, whole.

#![expect(clippy::too_many_lines, reason = "a report is looked at whole")]

use super::sample::{self, Sample};
use super::{OutputFormat, TextStyle, render};

/// The report with escape characters and zero-width spaces made visible.
fn shown(format: OutputFormat, sample: &Sample, columns: usize, colour: bool, unicode: bool) -> String {
    let style = TextStyle { columns, colour, unicode };
    let report = render(format, &sample.input(), &style).unwrap();
    report.replace('\u{1b}', "␛").replace('\u{200b}', "<ZWSP>")
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for format in OutputFormat::ALL {
        let report = |columns| shown(format, &sample::denied(), columns, true, true);
        assert_eq!(report(100), report(100), "{format}");
        assert!(report(100).ends_with('\n') && !report(100).ends_with("\n\n"), "{format}");
        assert_eq!(format.name().parse(), Ok(format));
    }
    let unknown = "pdf".parse::<OutputFormat>().unwrap_err().to_string();
    assert_eq!(
        unknown,
        "unknown output format `pdf`: `text`, `json`, `markdown`, `html`, `sarif`, `junit` and `code-quality` are known"
    );
}

#[test]
fn a_denied_release_in_80_columns() {
    insta::assert_snapshot!(shown(OutputFormat::Text, &sample::denied(), 80, false, true), @r#"
        ✗ DENIED  credit-default 1.4.0
          2 controls block the release; 1 control could not be evaluated; 1 warning; 1
          accepted risk
          commit 4b825dc642cb on release/1.4, with files that differ from the commit

        Tier high (computed high, declared limited)
          TIER-CREDIT  high      the output recommends a decision on the
                                 creditworthiness of people
          TIER-SCALE   limited   it affects 120000 people in a year

        Blocks the release (2)
          ✗ ART-001  No model file runs code when it is loaded [critical, block]
              • artifact/model/scorer.pkl: the pickle imports `os.system`, which runs
                code
                observed os.system, builtins.eval · expected only imports on the
                allow-list
              hint: Export the model to safetensors or ONNX, or load the weights without
                    a pickle.

          ✗ VAL-003  Discrimination is at least the tier's floor [high, block]
              • evaluation/holdout: ROC AUC is below the floor
                observed 0.64998 · expected 0.65 · modelgate.yaml:31
              hint: Retrain on more recent data, or ask the model risk team which tier
                    the use belongs to.

        Could not be evaluated, which blocks too (1)
          ? MON-004  Drift of the inputs is watched [high, condition]
              the control stopped after 2 s: the time limit of one control

        Becomes a condition once nothing blocks (1)
          ! VAL-007  Scores are calibrated [medium, condition]
              • evaluation/holdout: the expected calibration error is above the ceiling
                observed 0.07123 · expected at most 0.05
              hint: Recalibrate with isotonic regression on held-out rows.

        Warnings (1)
          ! DOC-005  The model card says where the model fails [low, warn]
              • card/MODEL_CARD.md: the section on limitations has 12 words
                observed 12 · expected 40 · MODEL_CARD.md:88
              hint: Say for whom and in which situations the model is wrong more often.

        Accepted risks (1)
          ○ FAI-002  No group is far less often granted credit [high, block]
              accepted by risk-committee@bank.example until 2027-01-31: manual review of
              every refusal
              • evaluation/holdout/age: the impact ratio is below four fifths
                observed 0.74 · expected 0.8

        Recorded only, in shadow (1)
          ○ VAL-011  The champion is not better [medium, shadow]
              • evaluation/holdout: no champion is recorded

        Evaluation holdout
          4,521 of 4,530 rows are valid; positive where the score is at least 0.5
          metric                          value  95 % interval         n
          roc_auc                        0.6500  0.6290 to 0.6710  4,521
          average_precision              0.4123                    4,521
          brier                          0.1512                    4,521
          log_loss                       0.4679                    4,521
          expected_calibration_error    0.07123                    4,521
          precision                   undefined                        0
          recall                         0.6123  0.5813 to 0.6433    911
          specificity                    0.8123  0.8003 to 0.8243  3,610
          prevalence                     0.2015  0.1905 to 0.2125  4,521
          precision: nothing was predicted positive

          group             rows  roc_auc  recall  specificity  favourable_rate
          age = 18-25        812   0.6410  0.5500       0.8123           0.7012
          age = 26-60      2,900   0.6410  0.6200       0.8123           0.7012
          age = (missing)      3   0.6410  0.5000       0.8123           0.7012

          impact_ratio by age  0.7400 (0.6900 to 0.7900), lowest 18-25, highest 26-60

          claim      stated  recomputed  tolerance  result
          roc_auc      0.65     0.64998    0.00005  ✓ confirmed
          recall        0.7      0.6123    0.00005  ✗ contradicted
          precision     0.5        none    0.00005  ? unverifiable

        Passed (5)
          ✓ artifacts      ART-002
          ✓ documentation  DOC-001
          ✓ monitoring     MON-001
          ✓ validation     VAL-001, VAL-002

        Not applicable (1)
          ART-006  no artifact is an adapter

        Evidence
          run        9f2c4e1ab7d05c33
          store      .modelgate/store
          log        43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate
          signed by  local key SHA256:q83vEjRWeJA (this machine only)
          decision   sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d
          facts      sha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502
          policies   sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
                     64 files, embedded
          evaluated  2026-11-23T17:58:04Z by modelgate 0.1.0
          files      .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
                     .modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json

          Verify it with
            modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
        "#);
}

#[test]
fn a_denied_release_in_120_columns_of_ascii() {
    insta::assert_snapshot!(shown(OutputFormat::Text, &sample::denied(), 120, false, false), @r#"
        x DENIED  credit-default 1.4.0
          2 controls block the release; 1 control could not be evaluated; 1 warning; 1 accepted risk
          commit 4b825dc642cb on release/1.4, with files that differ from the commit

        Tier high (computed high, declared limited)
          TIER-CREDIT  high      the output recommends a decision on the creditworthiness of people
          TIER-SCALE   limited   it affects 120000 people in a year

        Blocks the release (2)
          x ART-001  No model file runs code when it is loaded [critical, block]
              - artifact/model/scorer.pkl: the pickle imports `os.system`, which runs code
                observed os.system, builtins.eval | expected only imports on the allow-list
              hint: Export the model to safetensors or ONNX, or load the weights without a pickle.

          x VAL-003  Discrimination is at least the tier's floor [high, block]
              - evaluation/holdout: ROC AUC is below the floor
                observed 0.64998 | expected 0.65 | modelgate.yaml:31
              hint: Retrain on more recent data, or ask the model risk team which tier the use belongs to.

        Could not be evaluated, which blocks too (1)
          ? MON-004  Drift of the inputs is watched [high, condition]
              the control stopped after 2 s: the time limit of one control

        Becomes a condition once nothing blocks (1)
          ! VAL-007  Scores are calibrated [medium, condition]
              - evaluation/holdout: the expected calibration error is above the ceiling
                observed 0.07123 | expected at most 0.05
              hint: Recalibrate with isotonic regression on held-out rows.

        Warnings (1)
          ! DOC-005  The model card says where the model fails [low, warn]
              - card/MODEL_CARD.md: the section on limitations has 12 words
                observed 12 | expected 40 | MODEL_CARD.md:88
              hint: Say for whom and in which situations the model is wrong more often.

        Accepted risks (1)
          o FAI-002  No group is far less often granted credit [high, block]
              accepted by risk-committee@bank.example until 2027-01-31: manual review of every refusal
              - evaluation/holdout/age: the impact ratio is below four fifths
                observed 0.74 | expected 0.8

        Recorded only, in shadow (1)
          o VAL-011  The champion is not better [medium, shadow]
              - evaluation/holdout: no champion is recorded

        Evaluation holdout
          4,521 of 4,530 rows are valid; positive where the score is at least 0.5
          metric                          value  95 % interval         n
          roc_auc                        0.6500  0.6290 to 0.6710  4,521
          average_precision              0.4123                    4,521
          brier                          0.1512                    4,521
          log_loss                       0.4679                    4,521
          expected_calibration_error    0.07123                    4,521
          precision                   undefined                        0
          recall                         0.6123  0.5813 to 0.6433    911
          specificity                    0.8123  0.8003 to 0.8243  3,610
          prevalence                     0.2015  0.1905 to 0.2125  4,521
          precision: nothing was predicted positive

          group             rows  roc_auc  recall  specificity  favourable_rate  precision
          age = 18-25        812   0.6410  0.5500       0.8123           0.7012  undefined
          age = 26-60      2,900   0.6410  0.6200       0.8123           0.7012  undefined
          age = (missing)      3   0.6410  0.5000       0.8123           0.7012  undefined

          impact_ratio by age  0.7400 (0.6900 to 0.7900), lowest 18-25, highest 26-60

          claim      stated  recomputed  tolerance  result
          roc_auc      0.65     0.64998    0.00005  + confirmed
          recall        0.7      0.6123    0.00005  x contradicted
          precision     0.5        none    0.00005  ? unverifiable

        Passed (5)
          + artifacts      ART-002
          + documentation  DOC-001
          + monitoring     MON-001
          + validation     VAL-001, VAL-002

        Not applicable (1)
          ART-006  no artifact is an adapter

        Evidence
          run        9f2c4e1ab7d05c33
          store      .modelgate/store
          log        43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate
          signed by  local key SHA256:q83vEjRWeJA (this machine only)
          decision   sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d
          facts      sha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502
          policies   sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
                     64 files, embedded
          evaluated  2026-11-23T17:58:04Z by modelgate 0.1.0
          files      .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
                     .modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json

          Verify it with
            modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
        "#);
}

#[test]
fn a_conditional_approval_in_80_columns_with_colour() {
    insta::assert_snapshot!(shown(OutputFormat::Text, &sample::conditional(), 80, true, true), @r#"
        ␛[1m␛[33m! CONDITIONALLY APPROVED␛[0m  ␛[1mcredit-default 1.4.0␛[0m
          1 control asks for a mitigation by its due date; 1 warning; 1 accepted risk
          ␛[2mcommit 4b825dc642cb on release/1.4, with files that differ from the commit␛[0m

        ␛[1mTier high (computed high, declared limited)␛[0m
          TIER-CREDIT  high      the output recommends a decision on the
                                 creditworthiness of people
          TIER-SCALE   limited   it affects 120000 people in a year

        ␛[1mConditions of the approval (1)␛[0m
          ␛[1m␛[33m! VAL-007  ␛[0m␛[1mScores are calibrated [medium, condition]␛[0m
              • evaluation/holdout: the expected calibration error is above the ceiling
                observed 0.07123 · expected at most 0.05
              ␛[1m␛[33mdue by 2026-12-23, owner credit-models@bank.example␛[0m
              ␛[1m␛[32mto do: ␛[0mRecalibrate with isotonic regression on held-out rows.

        ␛[1mWarnings (1)␛[0m
          ␛[1m␛[33m! DOC-005  ␛[0m␛[1mThe model card says where the model fails [low, warn]␛[0m
              • card/MODEL_CARD.md: the section on limitations has 12 words
                observed 12 · expected 40 · MODEL_CARD.md:88
              ␛[1m␛[32mhint: ␛[0mSay for whom and in which situations the model is wrong more often.

        ␛[1mAccepted risks (1)␛[0m
          ␛[1m␛[33m○ FAI-002  ␛[0m␛[1mNo group is far less often granted credit [high, block]␛[0m
              accepted by risk-committee@bank.example until 2027-01-31: manual review of
              every refusal
              • evaluation/holdout/age: the impact ratio is below four fifths
                observed 0.74 · expected 0.8

        ␛[1mRecorded only, in shadow (1)␛[0m
          ␛[2m○ VAL-011  ␛[0m␛[1mThe champion is not better [medium, shadow]␛[0m
              • evaluation/holdout: no champion is recorded

        ␛[1mEvaluation holdout␛[0m
          ␛[2m4,521 of 4,530 rows are valid; positive where the score is at least 0.5␛[0m
          ␛[2mmetric                          value  95 % interval         n␛[0m
          roc_auc                        0.6500  0.6290 to 0.6710  4,521
          average_precision              0.4123                    4,521
          brier                          0.1512                    4,521
          log_loss                       0.4679                    4,521
          expected_calibration_error    0.07123                    4,521
          precision                   undefined                        0
          recall                         0.6123  0.5813 to 0.6433    911
          specificity                    0.8123  0.8003 to 0.8243  3,610
          prevalence                     0.2015  0.1905 to 0.2125  4,521
          precision: ␛[2mnothing was predicted positive␛[0m

          ␛[2mgroup             rows  roc_auc  recall  specificity  favourable_rate␛[0m
          age = 18-25        812   0.6410  0.5500       0.8123           0.7012
          age = 26-60      2,900   0.6410  0.6200       0.8123           0.7012
          age = (missing)      3   0.6410  0.5000       0.8123           0.7012

          impact_ratio by age  0.7400 (0.6900 to 0.7900), lowest 18-25, highest 26-60

          ␛[2mclaim      stated  recomputed  tolerance  result␛[0m
          roc_auc      0.65     0.64998    0.00005  ✓ confirmed
          recall        0.7      0.6123    0.00005  ✗ contradicted
          precision     0.5        none    0.00005  ? unverifiable

        ␛[1mPassed (5)␛[0m
          ␛[1m␛[32m✓ artifacts      ␛[0mART-002
          ␛[1m␛[32m✓ documentation  ␛[0mDOC-001
          ␛[1m␛[32m✓ monitoring     ␛[0mMON-001
          ␛[1m␛[32m✓ validation     ␛[0mVAL-001, VAL-002

        ␛[1mNot applicable (1)␛[0m
          ART-006  ␛[2mno artifact is an adapter␛[0m

        ␛[1mEvidence␛[0m
          ␛[2mrun        ␛[0m9f2c4e1ab7d05c33
          ␛[2mstore      ␛[0m.modelgate/store
          ␛[2mlog        ␛[0m43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate
          ␛[2msigned by  ␛[0mlocal key SHA256:q83vEjRWeJA (this machine only)
          ␛[2mdecision   ␛[0msha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d
          ␛[2mfacts      ␛[0msha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502
          ␛[2mpolicies   ␛[0msha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
          ␛[2m           ␛[0m64 files, embedded
          ␛[2mevaluated  ␛[0m2026-11-23T17:58:04Z by modelgate 0.1.0
          ␛[2mfiles      ␛[0m.modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
          ␛[2m           ␛[0m.modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json

          Verify it with
            modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
        "#);
}

#[test]
fn a_conditional_approval_in_120_columns_with_colour() {
    insta::assert_snapshot!(shown(OutputFormat::Text, &sample::conditional(), 120, true, false), @r#"
        ␛[1m␛[33m! CONDITIONALLY APPROVED␛[0m  ␛[1mcredit-default 1.4.0␛[0m
          1 control asks for a mitigation by its due date; 1 warning; 1 accepted risk
          ␛[2mcommit 4b825dc642cb on release/1.4, with files that differ from the commit␛[0m

        ␛[1mTier high (computed high, declared limited)␛[0m
          TIER-CREDIT  high      the output recommends a decision on the creditworthiness of people
          TIER-SCALE   limited   it affects 120000 people in a year

        ␛[1mConditions of the approval (1)␛[0m
          ␛[1m␛[33m! VAL-007  ␛[0m␛[1mScores are calibrated [medium, condition]␛[0m
              - evaluation/holdout: the expected calibration error is above the ceiling
                observed 0.07123 | expected at most 0.05
              ␛[1m␛[33mdue by 2026-12-23, owner credit-models@bank.example␛[0m
              ␛[1m␛[32mto do: ␛[0mRecalibrate with isotonic regression on held-out rows.

        ␛[1mWarnings (1)␛[0m
          ␛[1m␛[33m! DOC-005  ␛[0m␛[1mThe model card says where the model fails [low, warn]␛[0m
              - card/MODEL_CARD.md: the section on limitations has 12 words
                observed 12 | expected 40 | MODEL_CARD.md:88
              ␛[1m␛[32mhint: ␛[0mSay for whom and in which situations the model is wrong more often.

        ␛[1mAccepted risks (1)␛[0m
          ␛[1m␛[33mo FAI-002  ␛[0m␛[1mNo group is far less often granted credit [high, block]␛[0m
              accepted by risk-committee@bank.example until 2027-01-31: manual review of every refusal
              - evaluation/holdout/age: the impact ratio is below four fifths
                observed 0.74 | expected 0.8

        ␛[1mRecorded only, in shadow (1)␛[0m
          ␛[2mo VAL-011  ␛[0m␛[1mThe champion is not better [medium, shadow]␛[0m
              - evaluation/holdout: no champion is recorded

        ␛[1mEvaluation holdout␛[0m
          ␛[2m4,521 of 4,530 rows are valid; positive where the score is at least 0.5␛[0m
          ␛[2mmetric                          value  95 % interval         n␛[0m
          roc_auc                        0.6500  0.6290 to 0.6710  4,521
          average_precision              0.4123                    4,521
          brier                          0.1512                    4,521
          log_loss                       0.4679                    4,521
          expected_calibration_error    0.07123                    4,521
          precision                   undefined                        0
          recall                         0.6123  0.5813 to 0.6433    911
          specificity                    0.8123  0.8003 to 0.8243  3,610
          prevalence                     0.2015  0.1905 to 0.2125  4,521
          precision: ␛[2mnothing was predicted positive␛[0m

          ␛[2mgroup             rows  roc_auc  recall  specificity  favourable_rate  precision␛[0m
          age = 18-25        812   0.6410  0.5500       0.8123           0.7012  undefined
          age = 26-60      2,900   0.6410  0.6200       0.8123           0.7012  undefined
          age = (missing)      3   0.6410  0.5000       0.8123           0.7012  undefined

          impact_ratio by age  0.7400 (0.6900 to 0.7900), lowest 18-25, highest 26-60

          ␛[2mclaim      stated  recomputed  tolerance  result␛[0m
          roc_auc      0.65     0.64998    0.00005  + confirmed
          recall        0.7      0.6123    0.00005  x contradicted
          precision     0.5        none    0.00005  ? unverifiable

        ␛[1mPassed (5)␛[0m
          ␛[1m␛[32m+ artifacts      ␛[0mART-002
          ␛[1m␛[32m+ documentation  ␛[0mDOC-001
          ␛[1m␛[32m+ monitoring     ␛[0mMON-001
          ␛[1m␛[32m+ validation     ␛[0mVAL-001, VAL-002

        ␛[1mNot applicable (1)␛[0m
          ART-006  ␛[2mno artifact is an adapter␛[0m

        ␛[1mEvidence␛[0m
          ␛[2mrun        ␛[0m9f2c4e1ab7d05c33
          ␛[2mstore      ␛[0m.modelgate/store
          ␛[2mlog        ␛[0m43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate
          ␛[2msigned by  ␛[0mlocal key SHA256:q83vEjRWeJA (this machine only)
          ␛[2mdecision   ␛[0msha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d
          ␛[2mfacts      ␛[0msha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502
          ␛[2mpolicies   ␛[0msha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812
          ␛[2m           ␛[0m64 files, embedded
          ␛[2mevaluated  ␛[0m2026-11-23T17:58:04Z by modelgate 0.1.0
          ␛[2mfiles      ␛[0m.modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
          ␛[2m           ␛[0m.modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json

          Verify it with
            modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json
        "#);
}

#[test]
fn a_denied_release_in_markdown() {
    insta::assert_snapshot!(shown(OutputFormat::Markdown, &sample::denied(), 100, false, true), @r#"
        ## ❌ Denied: `credit-default` `1.4.0`

        2 controls block the release; 1 control could not be evaluated; 1 warning; 1 accepted risk.

        Commit `4b825dc642cb` on `release/1.4`, with files that differ from the commit.

        **Tier high** (computed high, declared limited)

        - `TIER-CREDIT` (high): the output recommends a decision on the creditworthiness of people
        - `TIER-SCALE` (limited): it affects 120000 people in a year

        ### Blocks the release (2)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **ART-001** No model file runs code when it is loaded<br>critical | `artifact/model/scorer.pkl`: the pickle imports `os.system`, which runs code | os.system, builtins.eval | only imports on the allow-list | Export the model to safetensors or ONNX, or load the weights without a pickle. |
        | **VAL-003** Discrimination is at least the tier's floor<br>high | `evaluation/holdout`: ROC AUC is below the floor<br>`modelgate.yaml:31` | 0.64998 | 0.65 | Retrain on more recent data, or ask the model risk team which tier the use belongs to. |

        ### Could not be evaluated, which blocks too (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **MON-004** Drift of the inputs is watched<br>high | the control stopped after 2 s: the time limit of one control |  |  |  |

        ### Becomes a condition once nothing blocks (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **VAL-007** Scores are calibrated<br>medium | `evaluation/holdout`: the expected calibration error is above the ceiling | 0.07123 | at most 0.05 | Recalibrate with isotonic regression on held-out rows. |

        ### Warnings (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **DOC-005** The model card says where the model fails<br>low | `card/MODEL_CARD.md`: the section on limitations has 12 words<br>`MODEL_CARD.md:88` | 12 | 40 | Say for whom and in which situations the model is wrong more often. |

        ### Accepted risks (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **FAI-002** No group is far less often granted credit<br>high | accepted by risk-committee\@<ZWSP>bank.example until 2027-01-31: manual review of every refusal |  |  |  |
        |  | `evaluation/holdout/age`: the impact ratio is below four fifths | 0.74 | 0.8 |  |

        ### Recorded only, in shadow (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **VAL-011** The champion is not better<br>medium | `evaluation/holdout`: no champion is recorded |  |  |  |

        ### Evaluation `holdout`

        | Group | Rows | roc_auc | recall | specificity | favourable_rate | precision |
        | --- | --- | --- | --- | --- | --- | --- |
        | all rows | 4,530 | 0.6500 | 0.6123 | 0.8123 |  | undefined |
        | age: 18-25 | 812 | 0.6410 | 0.5500 | 0.8123 | 0.7012 | undefined |
        | age: 26-60 | 2,900 | 0.6410 | 0.6200 | 0.8123 | 0.7012 | undefined |
        | age: (missing) | 3 | 0.6410 | 0.5000 | 0.8123 | 0.7012 | undefined |

        #### Groups of `holdout` compared

        | Comparison | Value | Interval | Lowest | Highest |
        | --- | --- | --- | --- | --- |
        | impact_ratio by age | 0.7400 | 0.6900 to 0.7900 | 18-25 | 26-60 |

        #### Claims of `holdout`

        | Claim | Stated | Recomputed | Tolerance | Result |
        | --- | --- | --- | --- | --- |
        | roc_auc | 0.65 | 0.64998 | 0.00005 | ✅ confirmed |
        | recall | 0.7 | 0.6123 | 0.00005 | ❌ contradicted |
        | precision | 0.5 | none | 0.00005 | ❔ unverifiable |

        <details><summary>All metrics, with intervals</summary>

        Over all valid rows of `holdout`:

        | Metric | Value | Interval | n |
        | --- | --- | --- | --- |
        | roc_auc | 0.6500 | 0.6290 to 0.6710 | 4,521 |
        | average_precision | 0.4123 |  | 4,521 |
        | brier | 0.1512 |  | 4,521 |
        | log_loss | 0.4679 |  | 4,521 |
        | expected_calibration_error | 0.07123 |  | 4,521 |
        | precision | undefined | nothing was predicted positive | 0 |
        | recall | 0.6123 | 0.5813 to 0.6433 | 911 |
        | specificity | 0.8123 | 0.8003 to 0.8243 | 3,610 |
        | prevalence | 0.2015 | 0.1905 to 0.2125 | 4,521 |

        </details>

        <details><summary>5 controls passed, 1 not applicable</summary>

        - artifacts: `ART-002`
        - documentation: `DOC-001`
        - monitoring: `MON-001`
        - validation: `VAL-001`, `VAL-002`
        - `ART-006` does not apply: no artifact is an adapter

        </details>

        ### Evidence

        - run: `9f2c4e1ab7d05c33` in `.modelgate/store`
        - log: `43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate`
        - signed by: local key SHA256:q83vEjRWeJA (this machine only)
        - decision: `sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d`
        - facts: `sha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502`
        - policies: `sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812`, 64 files, `embedded`
        - evaluated: 2026-11-23T17:58:04Z by modelgate 0.1.0
        - files: `.modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json`, `.modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json`

        Verify it with `modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json`
        "#);
}

#[test]
fn a_conditional_approval_in_markdown() {
    insta::assert_snapshot!(shown(OutputFormat::Markdown, &sample::conditional(), 100, false, true), @r#"
        ## ⚠️ Conditionally approved: `credit-default` `1.4.0`

        1 control asks for a mitigation by its due date; 1 warning; 1 accepted risk.

        Commit `4b825dc642cb` on `release/1.4`, with files that differ from the commit.

        **Tier high** (computed high, declared limited)

        - `TIER-CREDIT` (high): the output recommends a decision on the creditworthiness of people
        - `TIER-SCALE` (limited): it affects 120000 people in a year

        ### Conditions of the approval

        | Control | To do | Owner | Due by |
        | --- | --- | --- | --- |
        | `VAL-007` | Recalibrate with isotonic regression on held-out rows. | credit-models\@<ZWSP>bank.example | 2026-12-23 |

        ### Why there are conditions (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **VAL-007** Scores are calibrated<br>medium | `evaluation/holdout`: the expected calibration error is above the ceiling | 0.07123 | at most 0.05 | Recalibrate with isotonic regression on held-out rows. |

        ### Warnings (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **DOC-005** The model card says where the model fails<br>low | `card/MODEL_CARD.md`: the section on limitations has 12 words<br>`MODEL_CARD.md:88` | 12 | 40 | Say for whom and in which situations the model is wrong more often. |

        ### Accepted risks (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **FAI-002** No group is far less often granted credit<br>high | accepted by risk-committee\@<ZWSP>bank.example until 2027-01-31: manual review of every refusal |  |  |  |
        |  | `evaluation/holdout/age`: the impact ratio is below four fifths | 0.74 | 0.8 |  |

        ### Recorded only, in shadow (1)

        | Control | What is wrong | Observed | Expected | How to mend it |
        | --- | --- | --- | --- | --- |
        | **VAL-011** The champion is not better<br>medium | `evaluation/holdout`: no champion is recorded |  |  |  |

        ### Evaluation `holdout`

        | Group | Rows | roc_auc | recall | specificity | favourable_rate | precision |
        | --- | --- | --- | --- | --- | --- | --- |
        | all rows | 4,530 | 0.6500 | 0.6123 | 0.8123 |  | undefined |
        | age: 18-25 | 812 | 0.6410 | 0.5500 | 0.8123 | 0.7012 | undefined |
        | age: 26-60 | 2,900 | 0.6410 | 0.6200 | 0.8123 | 0.7012 | undefined |
        | age: (missing) | 3 | 0.6410 | 0.5000 | 0.8123 | 0.7012 | undefined |

        #### Groups of `holdout` compared

        | Comparison | Value | Interval | Lowest | Highest |
        | --- | --- | --- | --- | --- |
        | impact_ratio by age | 0.7400 | 0.6900 to 0.7900 | 18-25 | 26-60 |

        #### Claims of `holdout`

        | Claim | Stated | Recomputed | Tolerance | Result |
        | --- | --- | --- | --- | --- |
        | roc_auc | 0.65 | 0.64998 | 0.00005 | ✅ confirmed |
        | recall | 0.7 | 0.6123 | 0.00005 | ❌ contradicted |
        | precision | 0.5 | none | 0.00005 | ❔ unverifiable |

        <details><summary>All metrics, with intervals</summary>

        Over all valid rows of `holdout`:

        | Metric | Value | Interval | n |
        | --- | --- | --- | --- |
        | roc_auc | 0.6500 | 0.6290 to 0.6710 | 4,521 |
        | average_precision | 0.4123 |  | 4,521 |
        | brier | 0.1512 |  | 4,521 |
        | log_loss | 0.4679 |  | 4,521 |
        | expected_calibration_error | 0.07123 |  | 4,521 |
        | precision | undefined | nothing was predicted positive | 0 |
        | recall | 0.6123 | 0.5813 to 0.6433 | 911 |
        | specificity | 0.8123 | 0.8003 to 0.8243 | 3,610 |
        | prevalence | 0.2015 | 0.1905 to 0.2125 | 4,521 |

        </details>

        <details><summary>5 controls passed, 1 not applicable</summary>

        - artifacts: `ART-002`
        - documentation: `DOC-001`
        - monitoring: `MON-001`
        - validation: `VAL-001`, `VAL-002`
        - `ART-006` does not apply: no artifact is an adapter

        </details>

        ### Evidence

        - run: `9f2c4e1ab7d05c33` in `.modelgate/store`
        - log: `43 CsUYapGGPo4dkMgIAUqom4Xajj7h2fB2MPA3j2jxq2I= example.com/modelgate`
        - signed by: local key SHA256:q83vEjRWeJA (this machine only)
        - decision: `sha256:86ae35d58a6aa3b5742df94ef9d7162219f0106a911ae1954c1f0604aaec805d`
        - facts: `sha256:0694aacb66d62e742a92e8d5f1e82bd9d2a8ca1be88744201fbe63d0f5007502`
        - policies: `sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812`, 64 files, `embedded`
        - evaluated: 2026-11-23T17:58:04Z by modelgate 0.1.0
        - files: `.modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json`, `.modelgate/9f2c4e1ab7d05c33.evaluation.sigstore.json`

        Verify it with `modelgate verify --key modelgate.pub .modelgate/9f2c4e1ab7d05c33.verdict.sigstore.json`
        "#);
}
