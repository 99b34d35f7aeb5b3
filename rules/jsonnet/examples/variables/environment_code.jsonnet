function(PATH, PORT) { is_text: std.isString(PATH), next: PORT + 1, same: std.extVar('PORT') == PORT }
