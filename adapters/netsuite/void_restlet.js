/**
 * Voids an invoice. Deploy it as a RESTlet in NetSuite and name its script and deployment in the connection's
 * `void_restlet`. Its role needs Transactions > Invoice (Edit), and the accounting preference "Void
 * Transactions Using Reversing Journals" must be off: an invoice can only be voided directly.
 *
 * POST {"type": "invoice", "id": "123", "key": "…", "keyField": "custbody_fieldgate_command"}
 * gives {"id": "123"}; `keyField` is optional. The key is kept on the invoice, so that the same request sent
 * again is answered and not performed again. Refusals: FIELDGATE_WRONG_STATE, RCRD_DSNT_EXIST, NetSuite's own.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 */
define(['N/error', 'N/log', 'N/query', 'N/record', 'N/transaction'], (error, log, query, record, transaction) => {
    const KEY_FIELD = /^custbody_[a-z0-9_]{1,50}$/;

    const refuse = (name, message) => {
        throw error.create({ name, message, notifyOff: true });
    };

    const find = (id, keyField) => {
        const marker = keyField ? `, t.${keyField} AS marker` : '';
        const sql =
            `SELECT BUILTIN.CF(t.status) AS state, NVL(t.foreignamountpaid, 0) AS paid, p.closed AS closed${marker} ` +
            'FROM transaction t LEFT JOIN accountingperiod p ON p.id = t.postingperiod ' +
            "WHERE t.type = 'CustInvc' AND t.id = ?";
        return query.runSuiteQL({ query: sql, params: [id] }).asMappedResults()[0];
    };

    const post = ({ type, id, key, keyField }) => {
        if (type !== 'invoice' || !/^[1-9][0-9]{0,17}$/.test(id) || (keyField && !KEY_FIELD.test(keyField))) {
            refuse('INVALID_REQUEST', 'type must be invoice, id an internal id, keyField a transaction body field');
        }
        const found = find(id, keyField);
        if (!found) {
            refuse('RCRD_DSNT_EXIST', 'That record does not exist.');
        }
        if (found.state === 'CustInvc:V' && keyField && found.marker === key) {
            return { id };
        }
        if (!['CustInvc:A', 'CustInvc:D'].includes(found.state) || Number(found.paid) > 0 || found.closed === 'T') {
            refuse('FIELDGATE_WRONG_STATE', 'Only an unpaid invoice of an open period can be voided.');
        }
        transaction.void({ type: transaction.Type.INVOICE, id });
        try {
            if (keyField) {
                record.submitFields({ type: record.Type.INVOICE, id, values: { [keyField]: key } });
            }
        } catch (fault) {
            // The invoice is void: that must not be answered with a refusal.
            log.error({ title: 'the key could not be kept', details: fault });
        }
        return { id };
    };

    return { post };
});
