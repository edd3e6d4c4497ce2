#!/usr/bin/env python3
"""Lists the classes that scikit-learn's modules define, in the form of src/facts/artifact/imports/allowed.txt.

    list_classes.py PACKAGES …

Each argument is a directory that holds an installed or unpacked `sklearn`; nothing is imported. What is
left out below is no estimator and no part of one: it opens files, runs callables, draws or checks.
Classes that are new in a version are to be looked at before they are put into the list: what does
`__init__` do with any argument, and `__setstate__` with any state?
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path

LEFT_OUT = [
    "sklearn._build_utils", "sklearn.callback", "sklearn.conftest", "sklearn.datasets", "sklearn.exceptions", "sklearn.externals", "sklearn.inspection",
    "sklearn.metrics._pairwise_distances_reduction", "sklearn.metrics._plot", "sklearn.model_selection._plot", "sklearn.tree._export", "sklearn.tree._reingold_tilford",
    "sklearn.tree.export", "sklearn.utils._array_api", "sklearn.utils._available_if", "sklearn.utils._estimator_html_repr", "sklearn.utils._joblib", "sklearn.utils._mocking",
    "sklearn.utils._param_validation", "sklearn.utils._plotting", "sklearn.utils._pprint", "sklearn.utils._repr_html", "sklearn.utils._set_output", "sklearn.utils._test_common",
    "sklearn.utils._testing", "sklearn.utils._unittest_backport", "sklearn.utils.deprecation", "sklearn.utils.estimator_checks", "sklearn.utils.fixes", "sklearn.utils.linear_assignment_",
    "sklearn.utils.metaestimators", "sklearn.utils.mocking", "sklearn.utils.optimize", "sklearn.utils.parallel", "sklearn.utils.testing",
]
LEFT_OUT_NAMES = {
    "CalibrationDisplay", "LinearModelLoss", "Memory", "NewtonCholeskySolver", "NewtonSolver", "Parallel", "TestCase", "VerboseReporter",
    "_DeprecatedScorers", "_LbfgsCallbackBridge", "_XT_CenterStackOp", "_X_CenterStackOp", "parallel_backend",
}


def classes(root):
    for file in sorted(Path(root, "sklearn").rglob("*.py")):
        module = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        if ".tests" in module or any(module == package or module.startswith(f"{package}.") for package in LEFT_OUT):
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name not in LEFT_OUT_NAMES and not node.name.endswith(("Mixin", "Warning")):
                yield module, node.name


def main():
    found = defaultdict(set)
    for root in sys.argv[1:]:
        for module, name in classes(root):
            found[module].add(name)
    for module in sorted(found):
        print(f"{module}: {' '.join(sorted(found[module]))}")


if __name__ == "__main__":
    main()
