"""No proof imports another: what two of them need lies beside them."""

import ast
from pathlib import Path

PROOFS = Path(__file__).parents[2] / "proofs"


def test_no_proof_imports_another() -> None:
    """A proof is a folder with a command; all of them share the files above."""
    folders = {path.parent for path in PROOFS.glob("*/__main__.py")}
    assert len(folders) > 3
    for path in PROOFS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "proofs."
            ):
                imported = PROOFS / str(node.module).split(".")[1]
                assert imported not in folders - {path.parent}, path
