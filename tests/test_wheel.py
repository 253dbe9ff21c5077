"The course runs where only the wheel is: on Colab nothing of the repository stands beside a chapter"
import course, os
from unittest.mock import patch

def test_every_chapter_runs_on_the_wheel():
    with patch.dict(os.environ): course.main(wheel=True)
