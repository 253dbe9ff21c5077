"The course runs where only the wheel is: on Colab nothing of the repository stands beside a chapter"
import course

def test_every_chapter_runs_on_the_wheel(): course.main(wheel=True)
