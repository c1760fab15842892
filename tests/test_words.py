import pytest

from rfi_news import words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("中美加温", 4),
        ("法新社（AFP）11月9日报道", 10),
        ("3.5 per cent", 3),
        ("l'Europe COP-28 G20", 3),
        ("一〇〇年，𠮷野家", 7),
        ("。，！？…", 0),
        ("Київ и Москва", 3),
    ],
)
def test_count(text, count):
    assert words.count(text) == count


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  拜习会\u00a0在即\n ", "拜习会 在即"),
        ("代表\u200b\u200b处", "代表处"),
        ("a\ufeffb\u00adc\u0000d", "abcd"),
        ("人\u200d民", "人民"),
        ("👨\u200d👩", "👨\u200d👩"),
        ("全角\u3000空格", "全角 空格"),
    ],
)
def test_clean(text, clean):
    assert words.clean(text) == clean
