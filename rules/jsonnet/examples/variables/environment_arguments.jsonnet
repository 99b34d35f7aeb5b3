function(PATH, TEST_TIMEOUT) { is_text: std.isString(PATH), seconds: TEST_TIMEOUT, same: std.extVar('TEST_TIMEOUT') == TEST_TIMEOUT }
