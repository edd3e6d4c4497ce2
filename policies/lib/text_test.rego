package modelgate.lib.text_test

import data.modelgate.lib.text

test_words if {
	text.words("") == 0
	text.words("  one\ntwo  three ") == 3
}
