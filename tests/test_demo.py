import subprocess
import sys

from tests.conftest import ROOT


def test_the_demo_ends_with_its_account_and_a_story(run, tmp_path):
    for _ in range(2):  # the second finds everything stored
        done = subprocess.run(
            [sys.executable, "-m", "rfi_news.demo"],
            cwd=ROOT,
            env=run.environment | {"RFI_NEWS_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "rfi_cn: finished" in done.stderr
        assert "article/no_title 1" in done.stderr
        assert "巴黎时间" in done.stdout
